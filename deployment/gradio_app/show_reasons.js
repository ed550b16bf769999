// Runs once for the reasons: on a phone they lie below the tasks, and are scrolled to when they come.
// Gradio gives `element`, the reasons, and `watch`, which calls a function after each change.
watch("value", () => {
  if (element.querySelector(".reasons")) element.scrollIntoView({block: "nearest"});
});

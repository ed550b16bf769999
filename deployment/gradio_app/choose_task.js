// Runs once for the list of tasks: a button in the list sends the chosen task and its level to Python.
// Gradio gives `element`, the list, and `trigger`, which sends an event.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-task]");
  if (!button) return;
  for (const other of element.querySelectorAll("button[data-task]"))
    other.setAttribute("aria-pressed", other === button);
  trigger("click", {task: button.dataset.task, level: button.dataset.level});
});

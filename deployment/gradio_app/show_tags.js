() => {
  // On a phone the tasks lie below the form.
  requestAnimationFrame(() => document.querySelector("#tags")?.scrollIntoView({block: "nearest"}));
}

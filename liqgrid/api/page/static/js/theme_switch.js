/** Dark or light: the system's, until one is chosen here. */

import { byId } from "./dom.js";

const KEPT_AS = "liqgrid-theme";

/** @param {() => void} changed */
export function startTheme(changed) {
  const system = matchMedia("(prefers-color-scheme: light)");
  const isLight = () => (localStorage.getItem(KEPT_AS) ?? (system.matches ? "light" : "dark")) === "light";
  const apply = () => {
    document.documentElement.dataset.theme = isLight() ? "light" : "dark";
    byId("theme").textContent = isLight() ? "Dark" : "Light";
    changed();
  };
  byId("theme").addEventListener("click", () => {
    localStorage.setItem(KEPT_AS, isLight() ? "dark" : "light");
    apply();
  });
  system.addEventListener("change", apply);
  apply();
}

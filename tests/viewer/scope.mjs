// Runs scripts as the page does: several files in one scope, without modules and without a build step.

import { readFileSync } from "node:fs";

const PROJECT = new URL("../../", import.meta.url);

function defined(folder, files, wanted, outside) {
  const text = files.map((name) => readFileSync(new URL(`${folder}/${name}.js`, PROJECT), "utf8")).join("\n");
  const run = new Function(...Object.keys(outside), `${text}\nreturn { ${wanted.join(", ")} };`);
  return run(...Object.values(outside));
}

/** What the scripts `files` of `assets/viewer/` define under the names `wanted`; they find `outside` around them. */
export function viewer(files, wanted, outside = {}) {
  return defined("assets/viewer", files, wanted, outside);
}

/** The same for the small components of the page, `workbench/ui/html/scripts/`. */
export function component(files, wanted, outside = {}) {
  return defined("workbench/ui/html/scripts", files, wanted, outside);
}

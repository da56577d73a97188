// Bundles the client: `node build.mjs` writes dist/ (acc.js, and the ONNX runtime beside it), `--watch` rebuilds on change,
// `--test` bundles every src/**/*.test.ts to a temporary folder and runs Node's test runner on it.
import { spawnSync } from "node:child_process";
import { copyFileSync, globSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));

/** One classic script (no modules), because browsers refuse module scripts on file:// pages. */
const bundle = {
  absWorkingDir: here,
  entryPoints: ["src/main.ts"],
  outfile: "dist/acc.js",
  bundle: true,
  minify: true,
  format: "iife",
  target: ["es2022"],
  legalComments: "eof", // the licences of bundled libraries travel with the bundle
  // onnxruntime-web asks where it was loaded from; a classic script has no import.meta.
  banner: { js: 'var __accScriptUrl=document.currentScript&&document.currentScript.src||document.baseURI;' },
  define: { "import.meta.url": "__accScriptUrl" },
  metafile: true,
  logLevel: "warning",
};

async function build() {
  const runtime = "ort-wasm-simd-threaded.wasm";
  mkdirSync(join(here, "dist"), { recursive: true });
  copyFileSync(join(here, "node_modules/onnxruntime-web/dist", runtime), join(here, "dist", runtime));
  const result = await esbuild.build(bundle);
  for (const [path, output] of Object.entries(result.metafile.outputs)) {
    console.log(`${path}  ${(output.bytes / 1024).toFixed(0)} KiB`);
    if (!process.argv.includes("--sizes")) continue;
    const packages = new Map();
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? "our own code";
      packages.set(name, (packages.get(name) ?? 0) + bytesInOutput);
    }
    for (const [name, bytes] of [...packages].sort((a, b) => b[1] - a[1]).slice(0, 12)) {
      console.log(`  ${(bytes / 1024).toFixed(0).padStart(5)} KiB  ${name}`);
    }
  }
}

async function test() {
  const outdir = mkdtempSync(join(tmpdir(), "acc-client-test-"));
  try {
    await esbuild.build({
      absWorkingDir: here,
      entryPoints: globSync("src/**/*.test.ts", { cwd: here }),
      outdir,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      format: "esm",
      platform: "node",
      logLevel: "warning",
    });
    const files = globSync("**/*.mjs", { cwd: outdir }).map((file) => join(outdir, file));
    return spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit" }).status ?? 1;
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

if (process.argv.includes("--test")) {
  process.exitCode = await test();
} else if (process.argv.includes("--watch")) {
  await (await esbuild.context(bundle)).watch();
} else {
  await build();
}

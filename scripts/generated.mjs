// Writes the files that are generated and committed. With --check it writes nothing and fails when one of them differs
// from what would be generated now. Run it after a build.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { generateDtsBundle } from 'dts-bundle-generator'

const root = fileURLToPath(new URL('..', import.meta.url))
const check = process.argv.includes('--check')

/** `index.d.ts`: the public types, flattened from `lib/index.ts`. */
function publicTypes() {
  const [bundle] = generateDtsBundle(
    [
      {
        filePath: join(root, 'lib/index.ts'),
        output: { noBanner: true, exportReferencedTypes: false, sortNodes: false },
      },
    ],
    { preferredConfigPath: join(root, 'tsconfig.json') },
  )
  return `// Generated from lib/index.ts by "npm run generate"; do not edit.\n${bundle}`
}

/** `lib/native/binding.d.ts`: what the addon exports, as napi-rs derives it from the Rust source. */
function bindingTypes() {
  const folder = mkdtempSync(join(tmpdir(), 'copyist-binding-'))
  try {
    const build = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).scripts['build:addon'].split(' ')
    build[build.indexOf('--output-dir') + 1] = folder
    build[build.indexOf('--dts') + 1] = 'binding.d.ts'
    execFileSync(process.execPath, [join(root, 'node_modules/@napi-rs/cli/cli.mjs'), ...build.slice(1)], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    return readFileSync(join(folder, 'binding.d.ts'), 'utf8')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The README with the table of COPY's options, from the table that parses them. */
async function readme() {
  const { renderOptionTable } = await import('../dist/statement/option-docs.js')
  const text = readFileSync(join(root, 'README.md'), 'utf8')
  const marked = /(<!-- options: generated -->\n)[\s\S]*?(<!-- end of options -->)/
  if (!marked.test(text)) throw new Error('README.md has no place for the table of options')
  return text.replace(marked, (_, begin, end) => `${begin}\n${renderOptionTable()}\n${end}`)
}

/** `docs/options.md`: each option with all that the table knows of it. */
async function optionReference() {
  const { renderOptionReference } = await import('../dist/statement/option-docs.js')
  const head =
    '# The options of COPY\n\nGenerated from the table that parses them by "npm run generate"; do not edit.\n\n'
  return head + renderOptionReference()
}

const files = {
  'lib/native/binding.d.ts': bindingTypes,
  'index.d.ts': publicTypes,
  'README.md': readme,
  'docs/options.md': optionReference,
}

for (const [file, generate] of Object.entries(files)) {
  const path = join(root, file)
  const committed = existsSync(path) ? readFileSync(path, 'utf8') : undefined
  const current = await generate()
  if (committed === current) {
    console.log(`${file}: up to date`)
  } else if (check) {
    console.error(`${file}: differs from what "npm run generate" writes`)
    process.exitCode = 1
  } else {
    writeFileSync(path, current)
    console.log(`${file}: written`)
  }
}

import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import { findAddon } from '../../lib/native/addon.ts'

const platform = `${process.platform}-${process.arch}-gnu`
const built = fileURLToPath(new URL(`../../copyist.${platform}.node`, import.meta.url))

describe.runIf(process.platform === 'linux')('findAddon', () => {
  let root: string

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'copyist-addon-'))
  })

  afterEach(() => rmSync(root, { recursive: true, force: true }))

  it('takes the file that is named, and no other', () => {
    expect(findAddon(built, root)).toHaveProperty('BindingLoad')
    const missing = join(root, 'missing.node')
    copyFileSync(built, join(root, `copyist.${platform}.node`))
    const error = failure(() => findAddon(missing, root))
    expect(error.detail).toContain(`COPYIST_ADDON: ${missing}: `)
    expect(error.hint).toContain('COPYIST_ADDON')
  })

  it("takes a build beside the package's package.json", () => {
    copyFileSync(built, join(root, `copyist.${platform}.node`))
    expect(findAddon(undefined, root)).toHaveProperty('BindingLoad')
  })

  it('takes the package of this platform', () => {
    const folder = join(root, 'node_modules', `copyist-${platform}`)
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), `{ "main": "copyist.${platform}.node" }`)
    copyFileSync(built, join(folder, `copyist.${platform}.node`))
    expect(findAddon(undefined, root)).toHaveProperty('BindingLoad')
  })

  it('reports a broken build instead of passing over it', () => {
    writeFileSync(join(root, `copyist.${platform}.node`), 'not a library')
    const error = failure(() => findAddon(undefined, root))
    expect(error.detail).toContain(`copyist.${platform}.node: `)
    expect(error.cause).toBeInstanceOf(Error)
  })

  it('says what was tried and what to do when there is none', () => {
    const error = failure(() => findAddon(undefined, root))
    expect(error).toMatchObject({ code: 'system_error', sqlState: '58000' })
    expect(error.message).toBe(`could not load the native addon of copyist for ${process.platform}-${process.arch}`)
    expect(error.detail).toContain(`copyist-${platform}: Cannot find module`)
    expect(error.hint).toContain('--omit=optional')
  })
})

function failure(action: () => unknown): CopyError {
  try {
    action()
  } catch (error) {
    if (error instanceof CopyError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

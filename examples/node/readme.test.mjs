import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { folder } from './helpers.mjs'

test('the example in README.md works', async (t) => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const [, example] = readme.match(/^```js\n(.*?)^```$/ms)
  const file = `${await folder(t)}/example.mjs`
  await writeFile(file, example.replace('./expool.mjs', new URL('expool.mjs', import.meta.url).href))
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [file])
  assert.equal(stdout, 'server starts, attempt 1\ntest starts, attempt 1\ndone fine\n\ncancelled\n')
  assert.equal(stderr, '')
})

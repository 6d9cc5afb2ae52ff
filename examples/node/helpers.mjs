// What the tests share: conditions to wait for, and folders and pools that end with their test.

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from './expool.mjs'

const patience = 60_000 // ms; far beyond what anything takes, so that only what never comes fails

/** Waits for `condition()` to give something true, and gives that. */
export async function until(what, condition) {
  for (const deadline = Date.now() + patience; Date.now() < deadline; await sleep(10)) {
    const result = await condition()
    if (result) return result
  }
  throw new Error(`waited in vain until ${what}`)
}

/** A process that has ended and waits to be reaped, perhaps for ever in a container, does not count as alive. */
async function alive(pid) {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1')
    return !/[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2)[0])
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return false
    throw error
  }
}

export const untilGone = (pid) => until(`process ${pid} is gone`, async () => !(await alive(pid)))

export async function folder(t) {
  const path = await mkdtemp(join(tmpdir(), 'expool-node-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  return path
}

export async function startPool(t, options) {
  const pool = await Pool.start(options)
  t.after(() => pool.close())
  return pool
}

/** A command that writes its process id into a file, and then sleeps for ever. */
export const endless = (file) => ['sh', '-c', 'echo $$ > "$0"; exec sleep 100000', file]

/** The id that such a command has written. */
export const pidIn = (file) =>
  until(`${file} has a process id`, async () => {
    const text = await readFile(file, 'utf8').catch(() => '')
    return text.endsWith('\n') && Number(text)
  })

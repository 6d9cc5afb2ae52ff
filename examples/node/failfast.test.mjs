import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { folder, pidIn, untilGone } from './helpers.mjs'

const program = fileURLToPath(new URL('failfast.mjs', import.meta.url))

const start = (commands, env = {}) =>
  spawn(process.execPath, [program, ...commands], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })

/** Waits for the end of a run, and gives all that it left. */
async function finish(child) {
  const [stdout, stderr, [status, signal]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { stdout: stdout.replace(/\d+\.\d+ s/g, 'T s'), stderr, status, signal }
}

const endless = (file) => `echo $$ > '${file}'; exec sleep 100000`

test('commands that all succeed are shown with their output', async () => {
  const { stdout, stderr, status } = await finish(start(['echo "hällo  you"']))
  assert.equal(stdout, '[1] starts: echo "hällo  you"\n[1] done: exit code 0, T s\n[1]   hällo  you\n')
  assert.deepEqual([stderr, status], ['', 0])
})

test('the first failure cancels the others', async (t) => {
  const file = `${await folder(t)}/pid`
  const failing = `until test -s '${file}'; do sleep 0.01; done; echo oops >&2; exit 3`
  const { stdout, status } = await finish(start([endless(file), failing]))
  assert.match(stdout, /^\[2\] failed: exit code 3, T s\n\[2\]   oops\n/m)
  assert.match(stdout, /^\[1\] failed: cancelled, T s$/m)
  assert.equal(status, 1)
  await untilGone(await pidIn(file))
})

test('an interrupt ends all commands', async (t) => {
  const file = `${await folder(t)}/pid`
  const child = start([endless(file)])
  const ended = finish(child)
  const pid = await pidIn(file)
  child.kill('SIGINT')
  const { stdout, status } = await ended
  assert.match(stdout, /^\[1\] failed: cancelled/m)
  assert.equal(status, 130)
  await untilGone(pid)
})

test('a killed host leaves no process', async (t) => {
  const file = `${await folder(t)}/pid`
  const child = start([`setsid sh -c "echo \\$\\$ > '${file}'; exec sleep 100000" & wait`])
  const ended = finish(child)
  const pid = await pidIn(file)
  child.kill('SIGKILL')
  await untilGone(pid)
  assert.equal((await ended).signal, 'SIGKILL')
})

test('wrong use and a missing server have their own statuses', async () => {
  const unused = await finish(start([]))
  assert.deepEqual([unused.status, unused.stdout], [2, ''])
  assert.match(unused.stderr, /^usage: failfast\.mjs COMMAND/)
  const lost = await finish(start(['true'], { EXPOOL_RPC: '/nowhere/expool-rpc' }))
  assert.deepEqual([lost.status, lost.stdout], [3, ''])
  assert.match(lost.stderr, /^failfast: starting the server \/nowhere\/expool-rpc: it is not there/)
})

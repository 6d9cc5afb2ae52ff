import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { CallError, Pool, ServerError } from './expool.mjs'
import { endless, folder, pidIn, startPool, untilGone } from './helpers.mjs'

test('run gives the record of a job, with its captured output', async (t) => {
  const pool = await startPool(t)
  const record = await pool.run({ name: 'greet', args: ['sh', '-c', 'echo "héllo \u2028 wörld"; exit 3'], stdout: 'pipe' })
  assert.deepEqual([record.name, record.state, record.reason, record.code], ['greet', 'failed', 'exited', 3])
  assert.equal(record.stdout, 'héllo \u2028 wörld\n')
})

test('settings reach the server, and what is in effect is in info', async (t) => {
  const pool = await startPool(t, { workers: 3, grace: 0.25 })
  assert.deepEqual([pool.info.workers, pool.info.grace], [3, 0.25])
})

test('notifications come in order, with the params of the job', async (t) => {
  const pool = await startPool(t)
  const seen = []
  for (const event of ['onstart', 'ondone', 'onfinish']) pool.on(event, ({ job, params }) => seen.push([event, job, params.tag]))
  await pool.run({ name: 'quick', args: ['true'], params: { tag: 'mine' } })
  await pool.run({ name: 'broken', args: ['false'], params: { tag: 'ours' } })
  assert.deepEqual(seen, [
    ['onstart', 1, 'mine'], ['ondone', 1, 'mine'], ['onfinish', 1, 'mine'],
    ['onstart', 2, 'ours'], ['onfinish', 2, 'ours'],
  ])
})

test('what awaits a reply goes on before the notifications that follow it', async (t) => {
  const pool = await startPool(t)
  for (let i = 0; i < 50; i++) {
    const { jobs } = await pool.call('execute', { jobs: [{ name: 'stub', args: null }] })
    const [record] = await once(pool, 'onfinish')
    assert.equal(record.job, jobs[0])
  }
})

test('many jobs at once each get their own record', async (t) => {
  const pool = await startPool(t, { workers: 4 })
  const run = (_, i) => pool.run({ name: `job ${i}`, args: ['echo', String(i)], stdout: 'pipe' })
  const records = await Promise.all(Array.from({ length: 40 }, run))
  assert.deepEqual(records.map((r) => r.stdout), Array.from({ length: 40 }, (_, i) => `${i}\n`))
})

test('a line that comes in many pieces is put together', async (t) => {
  const pool = await startPool(t)
  const script = 'i=0; while [ $i -lt 20000 ]; do echo "ü line $i of many"; i=$((i+1)); done'
  const { stdout } = await pool.run({ name: 'long', args: ['sh', '-c', script], stdout: 'pipe' })
  const lines = stdout.split('\n')
  assert.deepEqual([lines.length, lines[0], lines[19999]], [20001, 'ü line 0 of many', 'ü line 19999 of many'])
})

test('a refused call is a CallError with the field at fault', async (t) => {
  const pool = await startPool(t)
  await assert.rejects(pool.run({ name: 'x', args: ['true'], timeuot: 5 }), (error) => {
    assert.ok(error instanceof CallError)
    assert.deepEqual([error.method, error.code, error.data.field], ['execute', -32602, 'timeuot'])
    return true
  })
  assert.equal((await pool.run({ name: 'x', args: ['true'] })).state, 'done')
})

test('refused settings end the server, and start throws them', async () => {
  await assert.rejects(Pool.start({ workers: -1 }), { name: 'CallError', code: -32602 })
})

test('aborting a signal cancels that job only', async (t) => {
  const dir = await folder(t)
  const pool = await startPool(t, { workers: 2 })
  const abort = new AbortController()
  const one = pool.run({ name: 'one', args: endless(`${dir}/one`) }, { signal: abort.signal })
  pool.run({ name: 'other', args: endless(`${dir}/other`) }).catch(() => {}) // ends with the pool
  const pid = await pidIn(`${dir}/one`)
  await pidIn(`${dir}/other`)
  abort.abort()
  assert.equal((await one).reason, 'cancelled')
  await untilGone(pid)
  assert.equal((await pool.call('status')).running, 1)
  await assert.rejects(pool.run({ name: 'late', args: ['true'] }, { signal: abort.signal }), { name: 'AbortError' })
})

test('a synchronous job gives its record as well, beside busy workers', async (t) => {
  const pool = await startPool(t, { workers: 1 })
  pool.run({ name: 'endless', args: ['sleep', '100000'] }).catch(() => {}) // ends with the pool
  assert.equal((await pool.run({ name: 'sync', args: ['false'], wait: true })).code, 1)
})

test('a job with confirm asks before it starts, and is rejected by an error', async (t) => {
  const confirm = async ({ name }) => {
    if (name === 'no') throw new Error('not today')
  }
  const pool = await startPool(t, { confirm })
  assert.equal((await pool.run({ name: 'yes', args: ['true'], confirm: true })).state, 'done')
  const record = await pool.run({ name: 'no', args: ['true'], confirm: true })
  assert.equal(record.reason, 'rejected')
  assert.match(record.warnings[0], /not today/)
})

test('close ends the jobs that run, and later calls are refused', async (t) => {
  const dir = await folder(t)
  const pool = await Pool.start()
  const running = pool.run({ name: 'endless', args: endless(`${dir}/pid`) })
  const pid = await pidIn(`${dir}/pid`)
  await Promise.all([pool.close(), running.then((record) => assert.equal(record.reason, 'terminated'))])
  await untilGone(pid)
  await assert.rejects(pool.call('status'), ServerError)
  await pool.close()
})

test('when the server dies, what waits is rejected, close tells, and no job is left', async (t) => {
  const dir = await folder(t)
  const pool = await Pool.start()
  const running = pool.run({ name: 'endless', args: endless(`${dir}/pid`) })
  const pid = await pidIn(`${dir}/pid`)
  const closed = once(pool, 'close')
  const joined = pool.call('join')
  process.kill(pool.pid, 'SIGKILL')
  await Promise.all([
    assert.rejects(running, { name: 'ServerError', message: 'the server has ended (SIGKILL)' }),
    assert.rejects(joined, ServerError),
  ])
  assert.match((await closed)[0].message, /SIGKILL/)
  await assert.rejects(pool.call('status'), ServerError)
  await untilGone(pid)
})

test('a missing server is an error that says what to do', async () => {
  await assert.rejects(Pool.start({ command: '/nowhere/expool-rpc' }), {
    name: 'ServerError', message: 'starting the server /nowhere/expool-rpc: it is not there; set EXPOOL_RPC to the path of expool-rpc',
  })
})

test('a program that is no server is an error that shows what it wrote', async (t) => {
  const command = `${await folder(t)}/impostor`
  await writeFile(command, '#!/bin/sh\necho welcome\nexec cat >/dev/null\n', { mode: 0o755 })
  await assert.rejects(Pool.start({ command }), { name: 'ServerError', message: /"welcome" is no JSON/ })
  await assert.rejects(Pool.start({ command: 'true' }), { name: 'ServerError', message: 'the server has ended (status 0)' })
})

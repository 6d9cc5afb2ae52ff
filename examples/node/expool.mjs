// A client of expool-rpc for Node.js 18 or later. It needs nothing else: copy this file into your project.
//
//     const pool = await Pool.start({ workers: 4 })
//     pool.on('onstart', (job) => console.log('started:', job.name))
//     const record = await pool.run({ name: 'list', args: ['ls', '-l'], stdout: 'pipe', timeout: 10 })
//     await pool.close()
//
// Jobs, results and records are those of protocol.md. The events are its notifications, 'onstart', 'ondone' and 'onfinish',
// with their params, in order; and 'close', with a ServerError, when the server has ended in any way.

import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'

/** The server refused a call; `code` and `data` ({field, problem} where a parameter is at fault) are those of protocol.md. */
export class CallError extends Error {
  constructor(method, { code, message, data }) {
    super(`${method}: ${message}`)
    Object.assign(this, { name: 'CallError', method, code, data })
  }
}

/** The server could not be started, or has ended. */
export class ServerError extends Error {
  name = 'ServerError'
}

export class Pool extends EventEmitter {
  #server
  #confirm
  #lastID = 0
  #calls = new Map() // not answered yet, by id: {method, resolve, reject}
  #runs = new Map() // that run() waits for, by job: {resolve, reject}
  #partial = '' // the start of a line
  #broken = '' // what is wrong with the server's output
  #end = null // the ServerError of calls after the end

  /**
   * Starts a server, and gives its pool. `command` is the server's program (else $EXPOOL_RPC, else expool-rpc from PATH),
   * `stderr` where its standard error goes, `confirm` is asked before each attempt of a job with `confirm: true`, and rejects
   * it by throwing. All else are settings of initialize; its result is in `pool.info`.
   */
  static async start({ command = process.env.EXPOOL_RPC || 'expool-rpc', stderr = 'inherit', confirm = () => {}, ...settings } = {}) {
    const pool = new Pool(await spawnServer(command, stderr), confirm)
    try {
      pool.info = await pool.call('initialize', settings)
    } catch (error) {
      await pool.close()
      throw error
    }
    return pool
  }

  /** For start(): takes a server that runs. */
  constructor(server, confirm) {
    super()
    this.#server = server
    this.#confirm = confirm
    server.stdin.on('error', () => {}) // the server has ended, which 'close' tells
    server.stdout.setEncoding('utf8').on('data', (chunk) => this.#read(chunk))
    server.on('close', (code, signal) => setImmediate(() => this.#ended(code, signal)))
  }

  /** The server's process id. */
  get pid() {
    return this.#server.pid
  }

  /** Calls a method, and gives its result. A refusal is a CallError. */
  call(method, params = {}) {
    if (this.#end) return Promise.reject(this.#end)
    const id = ++this.#lastID
    this.#send({ id, method, params })
    return new Promise((resolve, reject) => this.#calls.set(id, { method, resolve, reject }))
  }

  /** Executes a job, and gives its record when it has ended: `record.state` is 'done' or 'failed'. Aborting `signal` cancels it. */
  async run(job, { signal } = {}) {
    signal?.throwIfAborted()
    const reply = await this.call('execute', job)
    if (job.wait) return reply // the record
    const { job: id } = reply
    const cancel = () => this.call('cancel', { job: id }).catch(() => {}) // refused only if it is over and forgotten
    signal?.addEventListener('abort', cancel)
    if (signal?.aborted) cancel()
    try {
      return await new Promise((resolve, reject) => this.#runs.set(id, { resolve, reject }))
    } finally {
      signal?.removeEventListener('abort', cancel)
    }
  }

  /** Ends all jobs and the server, and waits for that. To let them finish, wait for `call('join')` before. */
  async close() {
    if (this.#end) return
    this.#server.stdin.end()
    await once(this, 'close')
  }

  #send(message) {
    this.#server.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  }

  #read(chunk) {
    const lines = chunk.split('\n')
    lines[0] = this.#partial + lines[0]
    this.#partial = lines.pop()
    // Each in a turn of its own, so that what awaits a reply goes on before the notifications that follow the reply.
    for (const line of lines) setImmediate(() => this.#receive(line))
  }

  #receive(line) {
    let message
    try {
      message = JSON.parse(line)
    } catch {
      this.#broken ||= `: ${JSON.stringify(line.slice(0, 80))} is no JSON; is it expool-rpc?`
      this.#server.kill()
      return
    }
    if (!message.method) this.#replied(message)
    else if (message.id === undefined) this.#notified(message)
    else this.#asked(message)
  }

  #replied({ id, result, error }) {
    const call = this.#calls.get(id)
    this.#calls.delete(id)
    if (error) call?.reject(new CallError(call.method, error))
    else call?.resolve(result)
  }

  #notified({ method, params }) {
    const run = method === 'onfinish' && params.kind === 'job' && this.#runs.get(params.job)
    if (run) {
      this.#runs.delete(params.job)
      run.resolve(params)
    }
    this.emit(method, params)
  }

  async #asked({ id, params }) {
    try {
      await this.#confirm(params)
      this.#send({ id, result: {} })
    } catch (error) {
      this.#send({ id, error: { code: 1, message: String(error?.message ?? error) } })
    }
  }

  #ended(code, signal) {
    this.#end = new ServerError(`the server has ended (${signal ?? `status ${code}`})${this.#broken}`)
    for (const waiting of [...this.#calls.values(), ...this.#runs.values()]) waiting.reject(this.#end)
    this.#calls.clear()
    this.#runs.clear()
    this.emit('close', this.#end)
  }
}

async function spawnServer(command, stderr) {
  try {
    const server = spawn(command, ['--on-eof=terminate'], { stdio: ['pipe', 'pipe', stderr] })
    await once(server, 'spawn')
    return server
  } catch (error) {
    const why = error.code === 'ENOENT' ? 'it is not there; set EXPOOL_RPC to the path of expool-rpc' : error.message
    throw new ServerError(`starting the server ${command}: ${why}`, { cause: error })
  }
}

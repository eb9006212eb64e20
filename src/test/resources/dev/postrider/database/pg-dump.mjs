// Runs the pg_dump of the package @electric-sql/pglite-tools, PostgreSQL's own compiled to WebAssembly, against any
// server: what it sends goes to standard output, what the server answers comes from standard input.
// Arguments: the package's module, the file to write, and those of pg_dump.
import { File } from 'node:buffer'
import { readSync, writeFileSync, writeSync } from 'node:fs'

const [module, file, ...args] = process.argv.slice(2)
globalThis.File ??= File // which Node 18 has not
const { pgDump } = await import(module)

let sent = Buffer.alloc(0)
let started = false

function write(bytes) {
  for (let at = 0; at < bytes.length;) at += writeSync(1, bytes, at)
}

function read(length) {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at < length;) {
    const count = readSync(0, bytes, at, length - at)
    if (count === 0) throw new Error('the server closed the connection')
    at += count
  }
  return bytes
}

// Everything up to ReadyForQuery, or to a question of the authentication.
function answer(onRawData) {
  for (;;) {
    const head = read(5)
    const body = read(head.readInt32BE(1) - 4)
    onRawData(Buffer.concat([head, body]))
    const type = String.fromCharCode(head[0])
    const asks = type === 'R' && ![0, 12].includes(body.readInt32BE(0))
    if (type === 'Z' || asks || (type === 'E' && !started)) {
      started ||= type === 'Z'
      return
    }
  }
}

// pg_dump writes in pieces, and only a whole message is answered. The first one has no type, the last one no answer.
function execProtocolRawStream(bytes, { onRawData }) {
  write(Buffer.from(bytes))
  sent = Buffer.concat([sent, bytes])
  for (;;) {
    const head = sent[0] === 0 ? 0 : 1
    if (sent.length < head + 4) return
    const length = head + sent.readInt32BE(head)
    if (sent.length < length) return
    const type = String.fromCharCode(sent[0])
    sent = sent.subarray(length)
    if (type !== 'X') answer(onRawData)
  }
}

const pg = {
  execProtocolRawStream,
  query: async () => ({ rows: [{ search_path: '' }] }),
  exec: async () => {},
}
try {
  const dump = await pgDump({ pg, args })
  writeFileSync(file, await dump.text())
} catch (e) {
  console.error(e.message)
  process.exit(1)
}

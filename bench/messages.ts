// Cuts a byte stream into HTTP/1.1 messages. Understands Content-Length and nothing else: the benchmark speaks both sides,
// and what the generator and the origin spend themselves is missing to the proxy between them.

const HEAD_END = '\r\n\r\n'
const LENGTH = /\r\ncontent-length: *(\d+)/i

/** Takes chunks as they come; calls `onMessage` with the head (latin1) of each message once its body is complete. */
export const messageReader = (onMessage: (head: string) => void): ((chunk: Buffer) => void) => {
  let text = ''
  return (chunk) => {
    text = text === '' ? chunk.toString('latin1') : text + chunk.toString('latin1')
    for (;;) {
      const headEnd = text.indexOf(HEAD_END)
      if (headEnd < 0) return
      const head = text.slice(0, headEnd)
      const end = headEnd + HEAD_END.length + Number(LENGTH.exec(head)?.[1] ?? 0)
      if (text.length < end) return
      text = text.length === end ? '' : text.slice(end)
      onMessage(head)
    }
  }
}

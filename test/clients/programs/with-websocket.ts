// A bot that uses one of Node's WebSocket clients, named as argument; prints what an echo sent back.

import { WebSocket as Ws } from 'ws'

const TEXT = 'hello'
const url = process.env.ECHO ?? ''
const socket = process.argv[2] === 'ws' ? (new Ws(url) as unknown as WebSocket) : new WebSocket(url)
socket.addEventListener('open', () => socket.send(TEXT))
socket.addEventListener('message', ({ data }) => {
  process.stdout.write(String(data))
  socket.close()
})
socket.addEventListener('error', () => {
  process.exitCode = 1
})

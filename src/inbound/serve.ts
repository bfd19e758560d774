// One request, from its head to its answer: refuse it here, or read its body, make it a Call and send it down the road.

import { type Call, newRecord, type RawHeaders, type Reply } from '../core/call.ts'
import { WeirError } from '../core/errors.ts'
import { Presence } from '../core/presence.ts'
import { answer } from './answer.ts'
import { readBody } from './body.ts'
import { decline, reasonOf } from './decline.ts'
import { unnamed } from './family.ts'
import type { Incoming, Outgoing } from './message.ts'
import { botName, type Head, proxyRequest, readHead } from './request.ts'
import type { Inbound, Session } from './session.ts'

/** Handles one request. `expectsContinue`: its body follows once it has been told to go on. */
export const serve = (
  inbound: Inbound,
  session: Session,
  req: Incoming,
  res: Outgoing,
  expectsContinue: boolean,
): void => {
  const startedAt = inbound.deps.clock.now()
  session.owed += 1
  session.asked = true
  const presence = new Presence()
  // A half-close after the request counts as leaving too: Node reports it as such, and no bot waits behind one.
  res.on('close', () => {
    session.owed -= 1
    if (!res.writableFinished) presence.leave()
    if (session.owed === 0) inbound.settled(session)
  })
  const head = admit(inbound, session, req)
  session.bytesServed = session.bytesRead()
  if (head instanceof WeirError) return void turnAway(inbound, session, req, res, head)
  if (!head.hasBody) return void travel(inbound, session, req, res, head, undefined, presence, startedAt)
  session.reading += 1
  readBody(
    req,
    inbound.deps.maxBody(),
    () => {
      if (expectsContinue) res.writeContinue()
    },
    (body) => {
      session.reading -= 1
      session.bytesServed = session.bytesRead()
      travel(inbound, session, req, res, head, body, presence, startedAt)
    },
    () => {
      session.reading -= 1
      turnAway(inbound, session, req, res, new WeirError('body_too_large'))
    },
  )
}

/** Refuses an expectation other than 100-continue (RFC 9110 §10.1.1). */
export const refuseExpectation = (inbound: Inbound, session: Session, req: Incoming, res: Outgoing): void => {
  const error = new WeirError('bad_request', { status: 417, message: 'The only expectation is 100-continue.' })
  session.owed += 1
  session.asked = true
  res.on('close', () => {
    session.owed -= 1
    if (session.owed === 0) inbound.settled(session)
  })
  turnAway(inbound, session, req, res, error)
}

const admit = (inbound: Inbound, session: Session, req: Incoming): Head | WeirError => {
  if (inbound.draining) return new WeirError('shutting_down')
  if (session.owed > session.atOnce) {
    return new WeirError('queue_full', { message: 'Too many requests are under way on one connection.' })
  }
  if (session.otherName !== undefined) {
    return new WeirError('bad_request', { status: 421, message: 'CONNECT and the TLS handshake name different hosts.' })
  }
  return readHead(
    req,
    { host: session.host, loopback: inbound.loopback, hosts: inbound.deps.hosts() },
    { headerCount: inbound.limits.headerCount, name: inbound.deps.name },
  )
}

const travel = (
  inbound: Inbound,
  session: Session,
  req: Incoming,
  res: Outgoing,
  head: Head,
  body: Buffer | undefined,
  presence: Presence,
  startedAt: number,
): void => {
  if (presence.left) return
  const { deps } = inbound
  const { name } = deps
  const method = req.method ?? 'GET'
  const http10 = req.httpVersionMinor === 0
  const call: Call = {
    id: deps.nextId(),
    startedAt,
    request: proxyRequest(method, head, body),
    wishes: head.wishes,
    bot: session.bot ?? botName(req.headers['proxy-authorization']) ?? nameless(session, req.headers['user-agent']),
    presence,
    record: newRecord(),
    early: http10 ? undefined : (headers) => sendEarly(res, headers),
  }
  const say = (reply: Reply, close: boolean): void =>
    answer(res, reply, call.record, { id: call.id, method, name, http10, close })
  const fail = (error: WeirError): void => {
    if (presence.left) return
    deps.note?.({ type: 'answer.lost', host: head.host, code: error.code, reason: reasonOf(error), bot: call.bot })
    try {
      // The connection ends with it: what the answer that failed has left behind in `res` can not be known.
      say(deps.failed(call, error), true)
    } catch {
      // Part of an answer has left already, or not even this one can be sent: no reason for others to lose theirs.
      res.destroy()
    }
  }
  deps.handle(call).then(
    (reply) => {
      try {
        say(reply, inbound.draining)
      } catch (cause) {
        // Most likely the exchange said something that the bot's HTTP does not allow.
        if (!(reply.body instanceof Uint8Array)) reply.body.cancel()
        fail(new WeirError('upstream_unreachable', { message: UNRELAYED, cause }))
      }
    },
    (error: unknown) => fail(error instanceof WeirError ? error : new WeirError('internal', { cause: error })),
  )
}

const UNRELAYED = 'The exchange has answered, but its answer can not be relayed.'

/** One text per connection, not per call: it is looked up in several maps, and a new text would be hashed anew. */
const nameless = (session: Session, agent: string | undefined): string => {
  const known = session.unnamed
  if (known !== undefined && known.agent === agent) return known.name
  const name = unnamed(session.address, agent)
  session.unnamed = { agent, name }
  return name
}

const turnAway = (inbound: Inbound, session: Session, req: Incoming, res: Outgoing, error: WeirError): void => {
  // A doubtful request may end elsewhere than it seems. The rest of one that is merely too large is read and dropped:
  // closing in front of unread bytes would be a reset, which can overtake the answer.
  decline(inbound, res, error, session.host, inbound.draining || error.code === 'bad_request')
  req.resume()
}

/** A hint that can not be sent is no reason to lose the answer. */
const sendEarly = (res: Outgoing, headers: RawHeaders): void => {
  if (res.headersSent || res.destroyed || typeof res.writeInformation !== 'function') return
  try {
    res.writeInformation(103, [...headers])
  } catch {
    // Header fields that HTTP does not allow.
  }
}

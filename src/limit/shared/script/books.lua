-- The one script by which weirs share the counters of one exchange. A message brings what its sender has spent and holds,
-- and asks for takes; the reply grants them or says how long to wait. Time is the server's own.
--
-- The promise: what all weirs together may send never exceeds the exchange's counter, also while this server is away. Every
-- member holds a promised share and, per bucket, a promised level ("told"). A member that is not heard of for `out_ms` is
-- out: from then on it lives on its share alone, and the shared bucket shrinks by exactly that. So the shared bucket and
-- the shares of those who are out are always a partition of one bucket, and parts of a bucket never spend more than it.
--
-- A reply may be lost, and its receiver then still believes the one before. So of every promise the larger of the last two
-- counts, and a member counts as heard of only once it is known that it got its reply.
--
-- When this server is emptied, it learns of the shares from those who are there. Of a weir that sleeps or is cut off just then,
-- while all others die or are new, nobody can tell.
--
-- A clock that jumps by less than `late_ms` is not told from a slow wire: it makes that much time's refill too much, once.

local prefix = string.sub(KEYS[1], 1, -8)
local ask = cjson.decode(ARGV[1])
local EPSILON = 1e-9

local function number(value) return string.format('%.17g', value) end
local function date(value) return string.format('%.3f', value) end

-- ── members ────────────────────────────────────────────────────────────────────────────────────────────────────────────

local members = {}
local meta
do
  local rows = redis.call('HGETALL', KEYS[1])
  for index = 1, #rows, 2 do
    local row = cjson.decode(rows[index + 1])
    if rows[index] == '#' then meta = row else members[rows[index]] = row end
  end
end
-- Nothing is known: this is the first start of all, or the server was emptied while weirs run.
local empty = meta == nil
meta = meta or { epoch = 0, ahead = 0, at = '0', ghost = 0, ghost_until = 0, forgot_at = 0, quiet_until = 0, turns_from = 0 }

-- ── time ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

-- A clock that is set forward, or that of another server which took over, would make budget out of nothing; one that is set
-- back would stand still. So time here goes on from where it was, and is never before what a sender knows of it.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000 - meta.ahead
local before = tonumber(meta.at)
local least = math.max(before, ask.at or 0)
if now < least - 1 then
  meta.ahead = meta.ahead + now - least
  now = least
end
if ask.at and now > ask.at + ask.late_ms then
  -- Whoever sent this has long given it up, unless its reply to the same a moment ago was here at once.
  if not ask.jumped then return cjson.encode({ state = 'late', now = date(now) }) end
  meta.ahead = meta.ahead + now - least
  now = least
end

local function save_members()
  meta.at = date(now)
  local rows = { '#', cjson.encode(meta) }
  for id, member in pairs(members) do
    rows[#rows + 1] = id
    rows[#rows + 1] = cjson.encode(member)
  end
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], unpack(rows))
  redis.call('PEXPIRE', KEYS[1], ask.yield_ms + 3600000)
  redis.call('PEXPIRE', prefix .. 'known', 172800000)
end

local me = members[ask.me]

-- Of two messages of one sender, the one that was sent later is the truth.
if me and ask.count <= me.count then return cjson.encode({ state = 'late', now = date(now) }) end

-- What the sender was told is not in the books: they are a replica's that lagged, or an old file. All the more reason to
-- take everybody's word for what is left.
local older = not empty and (ask.epoch > meta.epoch or (ask.epoch == meta.epoch and ask.heard > (me and me.count or 0)))

local function promised(member) return math.max(member.share, member.share_before) end

-- The part of every bucket that is here and not with somebody who is out.
local function fraction()
  local rest = 1 - meta.ghost
  for _, member in pairs(members) do if member.out then rest = rest - promised(member) end end
  return math.max(0, rest)
end

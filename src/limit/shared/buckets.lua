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
-- back would stand still. So time here goes on from where it was.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000 - meta.ahead
local before = tonumber(meta.at)
if now < before - 1 then
  meta.ahead = meta.ahead + now - before
  now = before
end
if ask.at and now > ask.at + ask.late_ms then
  -- Whoever sent this has long given it up, unless its reply to the same a moment ago was here at once.
  if not ask.jumped then return cjson.encode({ state = 'late', now = date(now) }) end
  meta.ahead = meta.ahead + now - math.max(before, ask.at)
  now = math.max(before, ask.at)
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

-- ── buckets ────────────────────────────────────────────────────────────────────────────────────────────────────────────

local buckets = {}

local function save_bucket(bucket)
  local ttl = 3600000
  if bucket.kind == 'b' then ttl = ttl + math.ceil((bucket.cap + math.max(0, -bucket.tokens)) / math.max(bucket.rate, 1e-9))
  else ttl = ttl + bucket.every end
  ttl = ttl + math.max(0, math.ceil(bucket.gate - now))
  local name = prefix .. bucket.name
  redis.call('SET', name .. ':tokens', number(bucket.tokens), 'PX', ttl)
  redis.call('SET', name .. ':ts', date(bucket.ts), 'PX', ttl)
  local fields = { 'kind', bucket.kind, 'cap', number(bucket.cap), 'rate', number(bucket.rate), 'every', number(bucket.every),
    'gate', date(bucket.gate), 'trust', number(bucket.trust), 'trust_at', date(bucket.trust_at) }
  if bucket.kind == 'w' then
    fields[#fields + 1] = 'log'
    fields[#fields + 1] = cmsgpack.pack(bucket.log)
  end
  for field, value in pairs(bucket.of) do
    fields[#fields + 1] = field
    fields[#fields + 1] = number(value)
  end
  redis.call('DEL', name .. ':more')
  redis.call('HSET', name .. ':more', unpack(fields))
  redis.call('PEXPIRE', name .. ':more', ttl)
end

-- What a window has spent; forgets what is past.
local function spent_in(bucket, at)
  local kept, sum = {}, 0
  for _, slot in ipairs(bucket.log) do
    if slot[1] > at - bucket.every then
      kept[#kept + 1] = slot
      sum = sum + slot[2]
    end
  end
  bucket.log = kept
  return sum
end

local function spend(bucket, cost, at)
  if bucket.kind == 'b' then
    bucket.tokens = bucket.tokens - cost
  elseif cost ~= 0 then
    local grain = bucket.every / 500
    local moment = math.ceil(at / grain) * grain
    local last = bucket.log[#bucket.log]
    if last and last[1] >= moment then last[2] = last[2] + cost else bucket.log[#bucket.log + 1] = { moment, cost } end
    bucket.tokens = bucket.tokens - cost
  end
end

-- The trusted share of the documented rate; refusals that nothing explains lower it, and clean time gives it back.
local function trust(bucket, at) return math.min(1, bucket.trust + math.max(0, at - bucket.trust_at) * 0.1 / 60000) end

local function refill(bucket, to, part)
  if bucket.kind == 'w' then
    bucket.tokens = bucket.cap * part * trust(bucket, to) - spent_in(bucket, math.max(to, bucket.ts))
  elseif to > bucket.ts then
    local trusted = (trust(bucket, bucket.ts) + trust(bucket, to)) / 2
    bucket.tokens = math.min(bucket.cap * part, bucket.tokens + (to - bucket.ts) * bucket.rate * part * trusted)
  end
  if to > bucket.ts then bucket.ts = to end
end

local function load_bucket(name)
  if buckets[name] then return buckets[name] end
  local rows = redis.call('HGETALL', prefix .. name .. ':more')
  if #rows == 0 then return nil end
  local bucket = { name = name, of = {}, log = {} }
  for index = 1, #rows, 2 do
    local field, value = rows[index], rows[index + 1]
    if field == 'kind' then bucket.kind = value
    elseif field == 'log' then bucket.log = cmsgpack.unpack(value)
    elseif string.find(field, ':', 1, true) then bucket.of[field] = tonumber(value)
    else bucket[field] = tonumber(value) end
  end
  bucket.tokens = tonumber(redis.call('GET', prefix .. name .. ':tokens') or '0')
  bucket.ts = tonumber(redis.call('GET', prefix .. name .. ':ts') or number(now))
  buckets[name] = bucket
  return bucket
end

local function every_bucket(visit)
  for _, name in ipairs(redis.call('SMEMBERS', prefix .. 'known')) do
    local bucket = load_bucket(name)
    if bucket then visit(bucket) else redis.call('SREM', prefix .. 'known', name) end
  end
end

-- Everything up to that moment happened under the part that held until then.
local function settle_all(to)
  local part = fraction()
  every_bucket(function(bucket) refill(bucket, to, part) end)
end

-- Levels below a tenth are never promised, so that near the limit, where calls are many, nobody needs to be asked.
local function promise_of(cap, free) return math.max(0, free - math.max(2, cap / 10)) end

local function seed(bucket, id, member)
  return math.max(bucket.of['t:' .. id] or 0, bucket.of['p:' .. id] or 0) * promised(member)
end

-- ── who is out, who is gone ────────────────────────────────────────────────────────────────────────────────────────────

local function leave(id, member, at)
  settle_all(at)
  member.out = true
  local part = fraction()
  every_bucket(function(bucket)
    -- A window gives up a part of what it holds, and that is all; its past stays here.
    if bucket.kind == 'b' then
      bucket.tokens = math.min(bucket.tokens - seed(bucket, id, member), bucket.cap * part)
    end
  end)
end

-- Its calls may have been on the way: they surely have arrived by now, and nobody else will charge them.
local function charge_the_dead(id, member)
  settle_all(now)
  every_bucket(function(bucket)
    local held = bucket.of['h:' .. id] or 0
    if held > 0 then
      spend(bucket, held, now)
      -- Should it come back after all, that much of what it says it spent is known already.
      bucket.of['s:' .. id] = (bucket.of['s:' .. id] or 0) + held
    end
    bucket.of['h:' .. id] = nil
  end)
  member.charged = true
end

-- A share comes back, and nobody says what is left of it. In a bucket nothing is; a window has no level to leave out.
local function take_back(share)
  settle_all(now)
  every_bucket(function(bucket)
    if bucket.kind == 'w' and share > 0 then spend(bucket, bucket.cap * share, now) end
  end)
end

local function forget(id)
  if members[id].out then take_back(promised(members[id])) end
  settle_all(now)
  every_bucket(function(bucket)
    for _, letter in ipairs({ 'h:', 's:', 't:', 'p:' }) do bucket.of[letter .. id] = nil end
  end)
  members[id] = nil
end

if empty or older then
  if empty and ask.claim == 0 then
    -- Those who live on shares get the time to say so.
    meta.quiet_until = now + ask.out_ms
  else
    settle_all(now)
    every_bucket(function(bucket)
      bucket.of, bucket.tokens, bucket.ts, bucket.log = {}, 0, now, { { now, bucket.cap } }
    end)
    members, me = {}, nil
    meta.ghost, meta.ghost_until, meta.forgot_at, meta.quiet_until = 1, now + ask.yield_ms, now, 0
    meta.turns_from = now + ask.out_ms
  end
  meta.epoch = math.max(meta.epoch, ask.epoch) + 1
end
if ask.claim == 0 and now < meta.quiet_until then
  -- Nobody remembers what was spent, but something may have been.
  if ask.idle then meta.forgot_at = math.max(meta.forgot_at, now - ask.idle) end
  save_members()
  return cjson.encode({ state = 'wait', now = date(now), wait = meta.quiet_until - now })
end

-- A time in which nobody could reach this server is no sign that somebody is gone.
if before > 0 and now - before > ask.out_ms then
  for _, member in pairs(members) do member.kept = (member.kept or 0) + now - before end
  meta.ghost_until = meta.ghost_until + now - before
  meta.turns_from = now + ask.out_ms
end

do
  local overdue = {}
  for id, member in pairs(members) do
    if not member.out and member.heard + ask.out_ms <= now then overdue[#overdue + 1] = id end
  end
  table.sort(overdue, function(a, b) return members[a].heard < members[b].heard end)
  for _, id in ipairs(overdue) do leave(id, members[id], members[id].heard + ask.out_ms) end
  for id, member in pairs(members) do
    if member.out and not member.charged and member.heard + ask.stragglers_ms <= now then charge_the_dead(id, member) end
  end
  local gone = {}
  for id, member in pairs(members) do
    if member.out and id ~= ask.me and (member.heard + ask.yield_ms + (member.kept or 0) <= now or (member.replaced and member.charged)) then
      gone[#gone + 1] = id
    end
  end
  for _, id in ipairs(gone) do forget(id) end
  if meta.ghost > 0 and meta.ghost_until <= now then
    take_back(meta.ghost)
    meta.ghost = 0
  end
end

-- ── the sender ─────────────────────────────────────────────────────────────────────────────────────────────────────────

-- One that was killed and came back is surely not living on its share: its successor gives that back.
local gone = ask.replaces and members[ask.replaces]
if gone and gone.out and not gone.replaced then
  take_back(promised(gone))
  gone.replaced = true
  gone.share = 0
  gone.share_before = 0
end

if not me then
  -- One that nobody here knows, and that lived on a share, still does; nothing of it is held here that is to be charged.
  me = { heard = now, at = now, share = ask.claim, share_before = ask.claim, out = ask.claim > 0, charged = ask.claim > 0 }
  if me.out then
    settle_all(now)
    meta.ghost = math.max(0, meta.ghost - ask.claim)
  end
  members[ask.me] = me
end
me.count = ask.count

-- The bucket as the sender describes it. New numbers keep what has been spent.
local function bucket_of(want, part)
  local bucket, new = load_bucket(want.name), false
  if bucket and bucket.kind ~= want.kind then
    bucket.kind, bucket.log, bucket.tokens = want.kind, { { now, want.cap } }, 0
  end
  if not bucket then
    bucket = { name = want.name, kind = want.kind, of = {}, log = {}, ts = now, gate = 0, trust = 1, trust_at = now, cap = want.cap, rate = want.rate,
      every = want.every }
    local level = want.cap * part * ask.cold_start
    if meta.forgot_at > 0 then
      local refilled = want.kind == 'b' and (now - meta.forgot_at) * want.rate or (now - meta.forgot_at >= want.every and want.cap or 0)
      level = math.min(level, refilled * part)
    end
    bucket.tokens = level
    if want.kind == 'w' and level < want.cap * part then bucket.log[1] = { now, want.cap * part - level } end
    redis.call('SADD', prefix .. 'known', want.name)
    buckets[want.name] = bucket
    new = true
  end
  refill(bucket, now, part)
  if bucket.cap ~= want.cap then
    if bucket.kind == 'b' then bucket.tokens = bucket.tokens + (want.cap - bucket.cap) * part end
    bucket.cap = want.cap
  end
  bucket.rate, bucket.every = want.rate, want.every
  return bucket, new
end

-- It comes back, and brings what is left of its share.
if me.out and ask.returns then
  settle_all(now)
  me.out, me.charged = false, false
  local part = fraction()
  for _, want in ipairs(ask.buckets) do
    local bucket, new = bucket_of(want, part)
    if bucket.kind == 'b' then
      bucket.tokens = math.min(bucket.tokens + want.left, bucket.cap * part)
    elseif new and bucket.log[1] then
      -- What nobody remembers is taken to be spent; not so what the sender knows to be there.
      bucket.log[1][2] = math.max(0, bucket.log[1][2] - want.left)
    else
      spend(bucket, math.max(0, want.cap * promised(me) - want.left), now)
    end
  end
  me.at, me.heard, me.kept = now, now, 0
elseif not me.out then
  if not ask.lost then me.heard, me.kept = me.at, 0 end
  me.at = now
end

-- ── shares ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

local count = 0
do
  local others = meta.ghost
  for id, member in pairs(members) do
    if not member.replaced then count = count + 1 end
    if id ~= ask.me then others = others + promised(member) end
  end
  if not me.out then
    local last = me.share
    me.share_before = ask.lost and math.max(me.share_before, last) or last
    me.share = math.max(0, math.min(1 / count, 1 - others))
  end
end

-- ── levels, takes ──────────────────────────────────────────────────────────────────────────────────────────────────────

local part = fraction()
-- Whoever has not been heard of since this server forgot everything is counted as one.
local answer = { state = me.out and 'out' or 'in', share = me.share, members = count + (meta.ghost > EPSILON and 1 or 0), now = date(now), epoch = meta.epoch,
  buckets = {}, takes = {} }

local function available(bucket)
  local held = 0
  for field, value in pairs(bucket.of) do if string.sub(field, 1, 2) == 'h:' then held = held + value end end
  return bucket.tokens - held, held
end

local function wait_of(bucket, need)
  local free = available(bucket)
  local over_trust = need - bucket.cap * part * trust(bucket, now)
  -- What costs more than the trusted part of a window has a window to itself, or it would never go.
  if bucket.kind == 'w' and over_trust > 0 and need <= bucket.cap * part + EPSILON then free = free + over_trust end
  local closed = math.max(0, bucket.gate - now)
  if free >= need - EPSILON then return closed end
  if need > bucket.cap * part + EPSILON then return math.max(closed, 1000) end
  if bucket.kind == 'b' then return math.max(closed, bucket.ts - now + (need - free) / (bucket.rate * part * trust(bucket, now))) end
  local over = need - free
  for _, slot in ipairs(bucket.log) do
    over = over - slot[2]
    if over <= EPSILON then return math.max(closed, slot[1] + bucket.every - now) end
  end
  return math.max(closed, bucket.every)
end

-- Whether every other member that goes by what it was told could still have its seed.
local function others_are_safe(bucket, cost)
  local rest = available(bucket) - cost
  local owed = promise_of(bucket.cap, rest) * promised(me)
  for id, member in pairs(members) do
    if id ~= ask.me and not member.out then owed = owed + seed(bucket, id, member) end
  end
  return owed <= rest + EPSILON or owed == 0
end

local function ask_again(bucket)
  redis.call('PUBLISH', prefix .. 'calls', cjson.encode({ told = bucket.name, by = ask.me }))
end

if not me.out then
  local wanted = {}
  for index, want in ipairs(ask.buckets) do
    local bucket = bucket_of(want, part)
    wanted[index] = bucket
    local seen = bucket.of['s:' .. ask.me]
    local spent = seen and want.spent - seen or want.since
    local unasked = seen and want.held + spent > (bucket.of['h:' .. ask.me] or 0) + EPSILON
    if spent ~= 0 then
      -- Exchanges and this server date with a grain of up to a millisecond each.
      refill(bucket, now + 2, part)
      spend(bucket, spent, now + 2 - (bucket.kind == 'w' and want.ago or 0))
    end
    bucket.of['s:' .. ask.me] = want.spent
    bucket.of['h:' .. ask.me] = want.held
    if want.gate then bucket.gate = math.max(bucket.gate, now + want.gate) end
    if want.empty and bucket.kind == 'b' then bucket.tokens = math.min(bucket.tokens, 0) end
    if want.shrink then bucket.trust, bucket.trust_at = math.max(0.3, trust(bucket, now) * 0.8), now end
    -- What others were told may be too much now.
    if (unasked or want.empty) and not others_are_safe(bucket, 0) then ask_again(bucket) end
  end

  local turns = {}
  local function turn_of(lane)
    if not turns[lane] then
      local rows = redis.call('HGETALL', prefix .. 'turn:' .. lane)
      local turn = { waiting = {} }
      for index = 1, #rows, 2 do
        local field, value = rows[index], rows[index + 1]
        if string.sub(field, 1, 2) == 'w:' then turn.waiting[string.sub(field, 3)] = cjson.decode(value) else turn[field] = value end
      end
      turns[lane] = turn
    end
    return turns[lane]
  end

  for _, ended in ipairs(ask.ends) do
    local turn = turn_of(ended.lane)
    if ended.free and turn.owner == ask.me then turn.owner = nil end
    if ended.nonce and (not turn.high or ended.nonce > turn.high) then turn.high = ended.nonce end
    if ended.free and next(turn.waiting) then redis.call('PUBLISH', prefix .. 'calls', cjson.encode({ freed = ended.lane })) end
  end

  for _, key in ipairs(ask.keys) do
    local turn = turn_of(key.lane)
    if key.flying then turn.owner = turn.owner or ask.me end
    if key.high and (not turn.high or key.high > turn.high) then turn.high = key.high end
  end

  -- Whose turn it is at a key whose calls must leave in the order of their nonces: the lowest that waits anywhere.
  local function turn_wait(want)
    local turn = turn_of(want.lane)
    local owner = turn.owner and members[turn.owner]
    if turn.high and want.least and want.least <= turn.high then return nil, 'stale' end
    -- What was sent while this server was away, or has been forgotten here, is told by whoever sent it.
    if now < meta.turns_from then return meta.turns_from - now, 'turn' end
    if turn.owner and turn.owner ~= ask.me and owner and not owner.out then return 250, 'turn' end
    for id, head in pairs(turn.waiting) do
      local other = members[id]
      if id ~= ask.me and head.until_ms > now and other and not other.out and want.nonce and head.nonce < want.nonce then
        return 250, 'turn'
      end
    end
    return 0
  end

  for index, take in ipairs(ask.takes) do
    local wait, by, unsafe, why, horizon = 0, 0, nil, nil, ask.horizon_ms
    if take.turn then
      wait, why = turn_wait(take.turn)
    end
    local not_yet = why == 'turn'
    if why == 'stale' then
      answer.takes[index] = { stale = true }
    else
      for _, cost in ipairs(take.costs) do
        local bucket = wanted[cost[1]]
        local one = wait_of(bucket, cost[2] + cost[3] * part)
        if take.held and one > wait then
          wait, by = one, cost[1]
          -- As many heads as there are weirs may each have a moment of their own, so that none must ask twice.
          if bucket.kind == 'b' then horizon = math.max(horizon, math.min(5 * ask.horizon_ms, (count + 1) * cost[2] / (bucket.rate * part))) end
        end
        if take.held and not others_are_safe(bucket, cost[2]) then unsafe = bucket end
      end
      local may_go = wait <= horizon and not unsafe and not not_yet
      if may_go then
        for _, cost in ipairs(take.costs) do
          local bucket = wanted[cost[1]]
          bucket.of['h:' .. ask.me] = (bucket.of['h:' .. ask.me] or 0) + cost[2]
        end
        if take.turn then
          local turn = turn_of(take.turn.lane)
          if turn.last and turn.last ~= ask.home then
            if not turn.mixed_at then
              redis.call('PUBLISH', prefix .. 'calls', cjson.encode({ mixed = take.turn.lane, by = ask.me }))
            end
            turn.mixed_at = date(now)
          end
          turn.owner, turn.last = ask.me, ask.home
          turn.waiting[ask.me] = nil
          local mixed = now - math.max(tonumber(turn.mixed_at or 0), meta.forgot_at) < ask.yield_ms
          answer.takes[index] = { after = wait, sole = not mixed, high = turn.high }
        else
          answer.takes[index] = { after = wait }
        end
      else
        if take.turn and take.turn.nonce then
          turn_of(take.turn.lane).waiting[ask.me] = { nonce = take.turn.nonce, until_ms = now + 1000 }
        end
        if unsafe and wait <= horizon and not not_yet then
          ask_again(unsafe)
          answer.takes[index] = { wait = 5, by = by }
        else
          answer.takes[index] = { wait = wait, by = by }
        end
      end
    end
  end

  for lane, turn in pairs(turns) do
    local key = prefix .. 'turn:' .. lane
    redis.call('DEL', key)
    local fields = {}
    for field, value in pairs(turn) do
      if field ~= 'waiting' then
        fields[#fields + 1] = field
        fields[#fields + 1] = value
      end
    end
    for id, head in pairs(turn.waiting) do
      if head.until_ms > now then
        fields[#fields + 1] = 'w:' .. id
        fields[#fields + 1] = cjson.encode(head)
      end
    end
    if #fields > 0 then
      redis.call('HSET', key, unpack(fields))
      redis.call('PEXPIRE', key, 172800000)
    end
  end

  for index, want in ipairs(ask.buckets) do
    local bucket = wanted[index]
    local free, held = available(bucket)
    local last = bucket.of['t:' .. ask.me] or 0
    bucket.of['p:' .. ask.me] = ask.lost and math.max(bucket.of['p:' .. ask.me] or 0, last) or last
    local promise = promise_of(bucket.cap, free)
    bucket.of['t:' .. ask.me] = want.drop and 0 or promise
    answer.buckets[index] = { free = free, promise = promise, held = held, closed = math.max(0, bucket.gate - now), part = part,
      trust = trust(bucket, now) }
  end
end

-- ── written down ───────────────────────────────────────────────────────────────────────────────────────────────────────

if ask.bye then
  -- It waits for no answer any more: what is on the way may have arrived.
  if not me.out then charge_the_dead(ask.me, me) end
  forget(ask.me)
end
for _, bucket in pairs(buckets) do save_bucket(bucket) end
save_members()
return cjson.encode(answer)

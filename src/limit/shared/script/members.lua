-- ── members ─────────────────────────────────────────────────────────────────────────────────────────────────────────
-- Who is heard of, who lives on a share, who is gone; what its share and its calls on the way become; and the sender's part.

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
    for _, letter in ipairs({ 'h:', 's:', 't:', 'p:', 'v:', 'a:', 'w:', 'c:', 'k:' }) do bucket.of[letter .. id] = nil end
  end)
  members[id] = nil
end

-- In the quiet after this server was emptied one says that it lives on a share: then there may be others who do.
local heirs = ask.claim > 0 and now < meta.quiet_until
if empty or older or heirs then
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

-- Equal ones, or by the number of bots of late, which each weir tells of itself. Whatever is aimed at, and whatever others were
-- told and when: nobody gets more than the promises of all others leave, so that promises never add up to more than one.

-- By bots, no weir counts for less than a quarter of the mean: its share should let something through.
local count, floor = 0, 0
local function weight_of(member) return math.max(member.bots or 1, floor) end
do
  local others, away, here, bots = meta.ghost, meta.ghost, 0, 0
  me.bots = ask.bots
  for id, member in pairs(members) do
    if not member.replaced then count = count + 1 end
    if id ~= ask.me then others = others + promised(member) end
    if member.out then away = away + promised(member) else here, bots = here + 1, bots + (member.bots or 1) end
  end
  if not me.out then
    local target = 1 / count
    if ask.bots then
      floor = bots / here / 4
      local all = 0
      for _, member in pairs(members) do if not member.out then all = all + weight_of(member) end end
      target = (1 - away) * weight_of(me) / all
    end
    local last = me.share
    me.share_before = ask.lost and math.max(me.share_before, last) or last
    me.share = math.max(0, math.min(target, 1 - others))
  end
end

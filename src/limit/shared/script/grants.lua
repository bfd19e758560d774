-- ── grants ──────────────────────────────────────────────────────────────────────────────────────────────────────────
-- What the sender says is taken in, what it asks for is granted or not, and it is told what is left.

local part = fraction()
-- Who asked for a bucket is taken to want more of it for so long.
local LATELY_MS = 250
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

-- What every other member that goes by what it was told would begin its share with.
local function seeds_of_others(bucket)
  local sum = 0
  for id, member in pairs(members) do
    if id ~= ask.me and not member.out then sum = sum + seed(bucket, id, member) end
  end
  return sum
end

-- Whether all of them could still have it.
local function others_are_safe(bucket, cost)
  local rest = available(bucket) - cost
  local owed = promise_of(bucket.cap, rest) * promised(me) + seeds_of_others(bucket)
  return owed <= rest + EPSILON or owed == 0
end

-- The level that the sender may count its share on. A share that has just grown must not eat into what others were told.
local function promise_to_me(bucket, free)
  local promise = promise_of(bucket.cap, free)
  local share = promised(me)
  return share == 0 and promise or math.max(0, math.min(promise, (free - seeds_of_others(bucket)) / share))
end

-- By bots: all that a weir was granted, divided by what it counts for, are the turns it has had. Others who ask count as
-- waiting until a moment after they were told to come back.
local function each_waiting(bucket, visit)
  for id, member in pairs(members) do
    if id ~= ask.me and not member.out and (bucket.of['a:' .. id] or 0) > now then visit(weight_of(member), bucket.of['v:' .. id] or 0) end
  end
end

-- What the sender leaves for others who wait and have had fewer turns: no more than comes in within half a second or one
-- call needs, so that what they do not use is hers soon.
local function left_for_others(bucket, cost)
  local least, lightest = nil, weight_of(me)
  each_waiting(bucket, function(weight, turns)
    least, lightest = math.min(least or turns, turns), math.min(lightest, weight)
  end)
  if not least then return 0 end
  -- Turns that were not used are not made up for: a newcomer is owed none, one that was late two of the lightest's.
  local credit = (bucket.of['a:' .. ask.me] or 0) > now and 2 * cost / lightest or 0
  local mine = math.max(bucket.of['v:' .. ask.me] or 0, least - credit)
  bucket.of['v:' .. ask.me] = mine
  local owed = 0
  each_waiting(bucket, function(weight, turns) owed = owed + math.max(0, mine - turns) * weight end)
  if owed <= EPSILON then return 0 end
  -- What stays in a window is lost, and not just later.
  if bucket.kind == 'w' then return math.min(cost, owed) end
  return math.min(owed, math.max(cost, bucket.rate * part * 500))
end

-- Those who were told to come back get their turn then: nobody who asks later, for as much, takes it from them, or all would
-- come in vain but one. Whoever asks for less does not wait for them. The time told is kept as well as timers and wires keep it.
local function told_before(bucket, cost, keep)
  local mine = bucket.of['w:' .. ask.me]
  if not mine or mine + ask.late_ms < now then mine = math.huge end
  local sum = 0
  for id, member in pairs(members) do
    local at, theirs = bucket.of['w:' .. id], bucket.of['c:' .. id]
    local coming = at and id ~= ask.me and not member.out and at < mine and at + ask.late_ms >= now
    if coming and theirs <= cost and bucket.of['k:' .. id] <= keep then sum = sum + theirs end
  end
  return sum
end

-- For an exchange to open a bucket nobody has a place.
local function tell_when(take, wanted, wait)
  for _, cost in ipairs(take.costs) do
    local bucket = wanted[cost[1]]
    if bucket.gate <= now and cost[2] > 0 then
      bucket.of['w:' .. ask.me], bucket.of['c:' .. ask.me], bucket.of['k:' .. ask.me] = now + wait, cost[2], cost[3]
    end
  end
end

local function has_come(take, wanted)
  for _, cost in ipairs(take.costs) do
    local of = wanted[cost[1]].of
    if (of['w:' .. ask.me] or math.huge) <= now + ask.late_ms then of['w:' .. ask.me], of['c:' .. ask.me], of['k:' .. ask.me] = nil, nil, nil end
  end
end

-- When a call like the one that has just been granted may go: then it is asked for once, and not in vain.
local function next_of(take, wanted, horizon)
  local wait, by = 0, 0
  for _, cost in ipairs(take.costs) do
    local bucket = wanted[cost[1]]
    local need = cost[2] + cost[3] * part
    local one = wait_of(bucket, need + math.min(told_before(bucket, cost[2], cost[3]), math.max(0, bucket.cap * part - need)))
    if one > wait then wait, by = one, cost[1] end
  end
  if wait <= horizon then return nil end
  tell_when(take, wanted, wait)
  return { wait = wait, by = by }
end

local function ask_again(bucket)
  redis.call('PUBLISH', prefix .. 'calls', cjson.encode({ told = bucket.name, by = ask.me }))
end

if not me.out then
  local wanted = {}
  for index, want in ipairs(ask.buckets) do
    local bucket = bucket_of(want, part)
    wanted[index] = bucket
    local seen = not want.anew and bucket.of['s:' .. ask.me]
    local spent = seen and want.spent - seen or want.since
    local unasked = want.held + spent > (bucket.of['h:' .. ask.me] or 0) + EPSILON
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

  -- Only now is all that the sender spent in the books.
  for index, want in ipairs(ask.buckets) do
    for _, from in ipairs(want.from or {}) do take_over(wanted[index], from, part) end
    if want.from and not others_are_safe(wanted[index], 0) then ask_again(wanted[index]) end
  end

  hear_of_turns()
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
        local need = cost[2] + cost[3] * part
        local by_bots = ask.bots and take.held and not take.turn and cost[2] > 0
        local room = math.max(0, bucket.cap * part - need)
        if by_bots then need = need + math.min(left_for_others(bucket, cost[2]), bucket.cap * part / 2, room)
        elseif take.held and cost[2] > 0 then need = need + math.min(told_before(bucket, cost[2], cost[3]), room) end
        local one = wait_of(bucket, need)
        if by_bots then bucket.of['a:' .. ask.me] = now + one + LATELY_MS end
        if take.held and one > wait then
          wait, by = one, cost[1]
          -- As many heads as there are weirs may each have a moment of their own, so that none must ask twice.
          if bucket.kind == 'b' then horizon = math.max(horizon, math.min(5 * ask.horizon_ms, (count + 1) * cost[2] / (bucket.rate * part))) end
        end
        if take.held and not others_are_safe(bucket, cost[2]) then unsafe = bucket end
      end
      local may_go = wait <= horizon and not unsafe and not not_yet
      if take.held and not not_yet and not ask.bots then
        if may_go then has_come(take, wanted)
        elseif wait <= (take.within or math.huge) then tell_when(take, wanted, wait) end
      end
      if may_go then
        for _, cost in ipairs(take.costs) do
          local bucket = wanted[cost[1]]
          bucket.of['h:' .. ask.me] = (bucket.of['h:' .. ask.me] or 0) + cost[2]
          if ask.bots and take.held and not take.turn then bucket.of['v:' .. ask.me] = (bucket.of['v:' .. ask.me] or 0) + cost[2] / weight_of(me) end
        end
        if take.turn then
          local turn, sole = give_turn(take.turn.lane)
          answer.takes[index] = { after = wait, sole = sole, high = turn.high }
        else
          answer.takes[index] = { after = wait, next = take.more and not ask.bots and next_of(take, wanted, horizon) or nil }
        end
      else
        if take.turn then stand_in_line(take.turn) end
        if unsafe and wait <= horizon and not not_yet then
          ask_again(unsafe)
          answer.takes[index] = { wait = 5, by = by }
        else
          answer.takes[index] = { wait = wait, by = by }
        end
      end
    end
  end

  save_turns()
  for index, want in ipairs(ask.buckets) do
    local bucket = wanted[index]
    local free, held = available(bucket)
    local last = bucket.of['t:' .. ask.me] or 0
    bucket.of['p:' .. ask.me] = ask.lost and math.max(bucket.of['p:' .. ask.me] or 0, last) or last
    local promise = promise_to_me(bucket, free)
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

-- ── turns ───────────────────────────────────────────────────────────────────────────────────────────────────────────
-- At a key whose calls must leave in the order of their nonces: one weir at a time, until its calls have ended.

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

-- Whoever waits with the lowest nonce; all the others would ask in vain.
local function next_in_line(turn)
  local first, nonce
  for id, head in pairs(turn.waiting) do
    local member = members[id]
    if head.until_ms > now and member and not member.out and (not nonce or head.nonce < nonce) then first, nonce = id, head.nonce end
  end
  return first
end

local function hear_of_turns()
  for _, ended in ipairs(ask.ends) do
    local turn = turn_of(ended.lane)
    if ended.free and turn.owner == ask.me then turn.owner = nil end
    if not ended.free then turn.owner = turn.owner or ask.me end
    if ended.nonce and (not turn.high or ended.nonce > turn.high) then turn.high = ended.nonce end
    local first = ended.free and not turn.owner and next_in_line(turn)
    if first and first ~= ask.me then redis.call('PUBLISH', prefix .. 'calls', cjson.encode({ freed = first })) end
  end

  for _, key in ipairs(ask.keys) do
    local turn = turn_of(key.lane)
    if key.flying then turn.owner = turn.owner or ask.me end
    if key.high and (not turn.high or key.high > turn.high) then turn.high = key.high end
  end
end

-- How long a call has waited for its turn. A weir asks for one call of a key at a time.
local function waited(turn, want)
  local mine = turn.waiting[ask.me]
  return mine and want.nonce and mine.nonce == want.nonce and now - mine.since or 0
end

-- Whose turn it is at a key whose calls must leave in the order of their nonces: the lowest that waits anywhere. What is on
-- its way for longer than a cancel's patience has arrived at the exchange, or will not be missed.
local function turn_wait(want)
  local turn = turn_of(want.lane)
  local owner = turn.owner and members[turn.owner]
  if turn.high and want.least and want.least <= turn.high then return nil, 'stale' end
  -- What was sent while this server was away, or has been forgotten here, is told by whoever sent it.
  if now < meta.turns_from then return meta.turns_from - now, 'turn' end
  local left = (want.patience or math.huge) - waited(turn, want)
  if left <= 0 then return 0 end
  if turn.owner and turn.owner ~= ask.me and owner and not owner.out then return math.min(250, left), 'turn' end
  for id, head in pairs(turn.waiting) do
    local other = members[id]
    if id ~= ask.me and head.until_ms > now and other and not other.out and want.nonce and head.nonce < want.nonce then
      return math.min(250, left), 'turn'
    end
  end
  return 0
end

-- Others let a lower nonce go first that asks again and again.
local function stand_in_line(want)
  local turn = turn_of(want.lane)
  if want.nonce then turn.waiting[ask.me] = { nonce = want.nonce, since = now - waited(turn, want), until_ms = now + 1000 } end
end

local function save_turns()
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
end

-- The turn is the sender's; and whether nobody else has used the key lately.
local function give_turn(lane)
  local turn = turn_of(lane)
  local mixed_for = now - tonumber(turn.mixed_at or 0)
  local known_for = now - meta.forgot_at
  if turn.last and turn.last ~= ask.home then
    -- Who has had the key to itself goes on with it while this server is away, and must hear that this is over.
    if mixed_for >= ask.yield_ms or known_for < ask.yield_ms then
      redis.call('PUBLISH', prefix .. 'calls', cjson.encode({ mixed = lane, by = ask.me }))
    end
    turn.mixed_at, mixed_for = date(now), 0
  end
  -- A cancel that has passed another's call takes the turn from nobody: what comes after it still waits for that call.
  local owner = turn.owner and members[turn.owner]
  if not owner or owner.out then turn.owner = ask.me end
  turn.last = ask.home
  turn.waiting[ask.me] = nil
  return turn, math.min(mixed_for, known_for) >= ask.yield_ms
end

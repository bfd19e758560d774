-- ── buckets ─────────────────────────────────────────────────────────────────────────────────────────────────────────
-- A bucket is its level (`:tokens`, `:ts`) and what else is known of it (`:more`), with four numbers of each member: what it
-- holds (`h:`), all it has spent (`s:`), and the level it was promised a share of, as told last and before (`t:`, `p:`).
-- Of one that waits, when it was told to come back (`w:`), for what cost (`c:`), and what is to remain then (`k:`).
-- Two more where weirs split it by their bots: the turns it has had (`v:`), and until when it is taken to wait (`a:`).

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
  if bucket.moved then
    for _, field in ipairs({ 'moved', 'moved_at', 'shut' }) do
      fields[#fields + 1] = field
      fields[#fields + 1] = number(bucket[field])
    end
  end
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

-- What was spent of the other was spent of this one, and a pause of the other goes on here. The other keeps its level for those
-- who do not know yet, and remembers how much of it has been moved, which decays as the level does, and that it is closed for
-- no other reason.
local function take_over(bucket, from, part)
  local other = load_bucket(from.name)
  if not other or other.kind ~= bucket.kind then return end
  refill(other, now, part)
  local spent, moved, ago = math.max(0, other.cap * part - other.tokens), other.moved or 0, now - (other.moved_at or now)
  if other.kind == 'b' then moved = math.max(0, moved - ago * other.rate * part)
  elseif ago >= other.every then moved = 0 end
  spend(bucket, math.max(0, spent - moved), now)
  if other.gate > math.max(now, (other.shut or 0) + 1) then
    bucket.gate = math.max(bucket.gate, other.gate)
    if bucket.kind == 'b' then bucket.tokens = math.min(bucket.tokens, 0) end
  end
  other.gate = math.max(other.gate, now + from.close)
  other.moved, other.moved_at, other.shut = spent, now, other.gate
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

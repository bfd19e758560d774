-- What one weir knows, laid over what the others said of the same lately, and what it has to tell, each thing once: a weir whose
-- reply was lost says it again. Four questions: `lately` (KEYS: what each weir counted within five minutes; the reply is the sum
-- of all), `exchange` (KEYS: `<exchange>:rate_limits`; the reply is its fullest bucket), `count` (KEYS: a counter, and how far
-- this weir's things are in it; the reply is the sum of all) and `append` (KEYS: a stream, and how far this weir's are in it).

-- Of a stream, give or take a block.
local ENTRIES = 10000

-- The numbers of a weir's things follow each other; up to `first - 1` it knows them to be written.
local function written(first)
  return math.max(tonumber(redis.call('GET', KEYS[2]) or 0), first - 1)
end

if ARGV[1] == 'count' then
  local first, last = tonumber(ARGV[2]), tonumber(ARGV[3])
  local sum = redis.call('INCRBY', KEYS[1], math.max(0, last - written(first)))
  redis.call('SET', KEYS[2], last, 'EX', 3600)
  return cjson.encode(sum)
end

if ARGV[1] == 'append' then
  local things, done = cjson.decode(ARGV[3]), written(tonumber(ARGV[2]))
  for _, thing in ipairs(things) do
    if thing.number > done then redis.call('XADD', KEYS[1], 'MAXLEN', '~', ENTRIES, '*', unpack(thing.item)) end
    redis.call('SET', KEYS[2], thing.number, 'EX', 3600)
  end
  return 'null'
end

local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6

-- A weir that is gone has counted what it has counted for as long as that is lately.
if ARGV[1] == 'lately' then
  redis.call('HSET', KEYS[1], ARGV[2], string.format('%.3f', now) .. ' ' .. ARGV[3])
  redis.call('EXPIRE', KEYS[1], 3600)
  local sum, rows = { 0, 0, 0 }, redis.call('HGETALL', KEYS[1])
  for index = 1, #rows, 2 do
    local at, a, b, c = string.match(rows[index + 1], '^(%S+) (%S+) (%S+) (%S+)$')
    if not at or tonumber(at) < now - 300 then redis.call('HDEL', KEYS[1], rows[index])
    else for place, count in ipairs({ a, b, c }) do sum[place] = sum[place] + tonumber(count) end end
  end
  return cjson.encode(sum)
end

local function field(name)
  local found, value = pcall(cjson.decode, redis.call('HGET', KEYS[1], name) or '{}')
  local fresh = {}
  if found and type(value) == 'table' then
    for key, one in pairs(value) do
      if type(one) == 'table' and (tonumber(one.ts) or 0) > now - 30 then fresh[key] = one end
    end
  end
  return fresh
end

local global, buckets, circuits = cjson.decode(ARGV[2]), field('buckets'), field('circuits')
for key, one in pairs(cjson.decode(ARGV[3])) do
  one.ts = now
  buckets[key] = one
end
for host, one in pairs(cjson.decode(ARGV[4])) do
  local other = circuits[host]
  -- The least well of two that look at one host, for as long as the other says so every second.
  local worse = other and other.by ~= one.by and other.ts > now - 3 and other.state ~= 'closed' and one.state == 'closed'
  one.ts = now
  if not worse then circuits[host] = one end
end
local worst
for key, one in pairs(buckets) do
  if not worst or one.utilization > buckets[worst].utilization then worst = key end
end
global.utilization = worst and buckets[worst].utilization or 0
global.available_tokens = worst and buckets[worst].available or cjson.null
global.bucket = worst or cjson.null
redis.call('HSET', KEYS[1], 'global', cjson.encode(global), 'buckets', cjson.encode(buckets),
  'circuits', cjson.encode(circuits), 'ts', string.format('%.3f', now))
redis.call('EXPIRE', KEYS[1], 3600)
return cjson.encode({ global.utilization, global.available_tokens })

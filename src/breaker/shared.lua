-- One breaker as all weirs know it. Time is the server's own, so that no weir's clock matters.
-- KEYS: breaker:{exchange}host, probe:{exchange}host. ARGV: what is asked, who asks, and what it takes.

local ask, me = ARGV[1], ARGV[2]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

if ask == 'tell' then
  local channel, news = ARGV[3], cjson.decode(ARGV[4])
  news.epoch = redis.call('HINCRBY', KEYS[1], 'epoch', 1)
  news.by = me
  local ends = news.open_ms and string.format('%.0f', now + news.open_ms) or ''
  redis.call('HSET', KEYS[1], 'state', news.state, 'until', ends, 'reason', news.reason, 'by', me,
    'cause', news.cause or '', 'level', news.level or 0, 'ts', string.format('%.3f', now / 1000))
  redis.call('PUBLISH', channel, cjson.encode(news))
  return cjson.encode(news.epoch)
end

if ask == 'look' then
  local rows, found = redis.call('HGETALL', KEYS[1]), {}
  for index = 1, #rows, 2 do found[rows[index]] = rows[index + 1] end
  if not found.state then return 'null' end
  local ends = tonumber(found['until'])
  return cjson.encode({ state = found.state, reason = found.reason, by = found.by, cause = found.cause,
    level = tonumber(found.level), epoch = tonumber(found.epoch), open_ms = ends and math.max(0, ends - now) })
end

if ask == 'claim' then
  local mine = redis.call('SET', KEYS[2], me, 'NX', 'PX', ARGV[3]) or redis.call('GET', KEYS[2]) == me
  if mine then redis.call('PEXPIRE', KEYS[2], ARGV[3]) end
  return cjson.encode(mine and true or false)
end

if ask == 'yield' and redis.call('GET', KEYS[2]) == me then redis.call('DEL', KEYS[2]) end
return 'null'

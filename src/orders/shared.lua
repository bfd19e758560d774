-- What weirs learned of orders, in the order in which they learned it; entries are named by the server's own time.
-- KEYS: the stream. ARGV: what is asked, and what it takes.

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

if ARGV[1] == 'tell' then
  for index = 4, #ARGV do
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'by', ARGV[2], 'news', ARGV[index])
  end
  -- Gone when there was no news of any order for two days.
  redis.call('PEXPIRE', KEYS[1], 172800000)
  redis.call('PUBLISH', KEYS[1], ARGV[2])
  return 'null'
end

-- Whatever came after the entry of that name.
local rows, found = redis.call('XRANGE', KEYS[1], ARGV[2], '+', 'COUNT', ARGV[3]), {}
for index, row in ipairs(rows) do
  local ago = now - tonumber(string.match(row[1], '^%d+'))
  found[index] = { id = row[1], ago = math.max(0, ago), by = row[2][2], news = row[2][4] }
end
return cjson.encode(found)

-- Answers that several weirs share. KEYS: the answer. ARGV: 'find'; or 'keep', text, end of its life (ms of this server's clock).
-- A `find` also tells the time here, in ms: by one clock for all, an answer is as old at every weir as it is.

if ARGV[1] == 'find' then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + time[2] / 1000
  return string.format('%.3f', now) .. ' ' .. (redis.call('GET', KEYS[1]) or '')
end

-- Limits need the memory more. A user of Redis who may not ask how much there is goes without this bound.
local memory = redis.pcall('INFO', 'memory')
if type(memory) == 'string' then
  local used, most = memory:match('used_memory:(%d+)'), memory:match('maxmemory:(%d+)')
  if used and most and tonumber(most) > 0 and tonumber(used) > tonumber(most) / 2 then return 'full' end
end
-- One that was long on its way has less of its life left, or none.
redis.call('SET', KEYS[1], ARGV[2], 'PXAT', ARGV[3])
return 'kept'

-- The names of all records of an index; members that are gone leave it. ARGV: the index.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now))
local found = {}
for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if belongs(ARGV[4], name) then
    found[#found + 1] = name
  else
    redis.call('ZREM', KEYS[1], name)
  end
end
return found

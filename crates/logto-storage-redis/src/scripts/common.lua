-- What all scripts share. KEYS[1] is the record or the index; ARGV[1] the prefix of all keys; ARGV[2] the
-- time in milliseconds, or nothing for the server's own; ARGV[3] for how much longer than its lifetime
-- Redis keeps a key.
-- Numbers are text in Redis: versions have 64 bits, of which Lua holds only 53 in a number.

local prefix, grace = ARGV[1], tonumber(ARGV[3])

local function clock()
  if ARGV[2] ~= '' then return tonumber(ARGV[2]) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local now = clock()

local function text(number)
  return string.format('%.0f', number)
end

local function digits(value)
  return value and string.match(value, '^%d+$')
end

-- 'absent', 'over' (it lies there still), 'corrupt' or 'alive'; and the fields, where there are any.
local function look(key)
  local kind = redis.call('TYPE', key).ok
  if kind == 'none' then return 'absent' end
  if kind ~= 'hash' then return 'corrupt' end
  local field = redis.call('HMGET', key, 'version', 'until', 'fence', 'leased', 'sub', 'sid')
  local record = { version = field[1], fence = field[3], sub = field[5], sid = field[6] }
  if not (digits(field[1]) and digits(field[2]) and digits(field[3])) then return 'corrupt', record end
  if field[4] and not digits(field[4]) then return 'corrupt', record end
  record.leased = field[4] and tonumber(field[4])
  if tonumber(field[2]) <= now then return 'over', record end
  return 'alive', record
end

-- An index is a sorted set of record names by the end of their lifetime.
local function index_key(name)
  return prefix .. 'index:' .. name
end

local function record_name(key)
  return string.sub(key, #prefix + 1)
end

-- The index lives at least as long as its longest member; what is over in it goes.
local function enlist(index, name, ends, lifetime)
  local key = index_key(index)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', text(now))
  redis.call('ZADD', key, text(ends), name)
  if redis.call('PTTL', key) < lifetime + grace then
    redis.call('PEXPIRE', key, text(lifetime + grace))
  end
end

-- An index that cannot be written does not keep its record from going.
local function delist(index, name)
  if index and index ~= '' then redis.pcall('ZREM', index_key(index), name) end
end

local function remove(key, record)
  if record then
    delist(record.sub, record_name(key))
    delist(record.sid, record_name(key))
  end
  redis.call('DEL', key)
end

-- The indexes come first: where one cannot be written nothing is.
local function write(key, record)
  local ends = now + record.lifetime
  for _, index in ipairs({ record.sub, record.sid }) do
    if index ~= '' then enlist(index, record_name(key), ends, record.lifetime) end
  end
  redis.call('HSET', key, 'data', record.data, 'version', record.version, 'until', text(ends),
    'sub', record.sub, 'sid', record.sid)
  redis.call('PEXPIRE', key, text(record.lifetime + grace))
end

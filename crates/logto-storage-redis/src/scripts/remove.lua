-- Deletes a record. ARGV: the version that was seen, or nothing for any.
local state, old = look(KEYS[1])
if state == 'absent' then return state end
if ARGV[4] ~= '' and state == 'corrupt' then return state end
if ARGV[4] ~= '' and state == 'alive' and ARGV[4] ~= old.version then return 'conflict' end
remove(KEYS[1], old)
if state == 'over' then return state end
return 'done'

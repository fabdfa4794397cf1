-- SPDX-License-Identifier: BSD-2-Clause
-- A tour of Lua in a guest:  make run APP=examples/lua ARGS='/tour.lua 30'
-- Reads a file of the ramdisk, computes, recovers from errors; its argument is how many primes to find.

local count = tonumber(arg[1] or 20) or error("how many primes?")

-- Tables and closures: a counter of words, most frequent first.
local function words_of(path)
	local seen, order = {}, {}
	for line in io.lines(path) do
		for word in line:lower():gmatch("%a+") do
			if not seen[word] then
				seen[word] = 0
				order[#order + 1] = word
			end
			seen[word] = seen[word] + 1
		end
	end
	table.sort(order, function(a, b)
		if seen[a] ~= seen[b] then return seen[a] > seen[b] end
		return a < b
	end)
	return order, seen
end

local order, seen = words_of("/data/zen.txt")
print(("%d different words; the most frequent:"):format(#order))
for i = 1, 3 do
	print(("  %-8s %d"):format(order[i], seen[order[i]]))
end

-- Coroutines: primes by a chain of filters, each a coroutine of its own.
local function numbers()
	return coroutine.wrap(function()
		local n = 2
		while true do
			coroutine.yield(n)
			n = n + 1
		end
	end)
end

local function without_multiples(prime, source)
	return coroutine.wrap(function()
		for n in source do
			if n % prime ~= 0 then coroutine.yield(n) end
		end
	end)
end

local source, primes = numbers(), {}
for i = 1, count do
	primes[i] = source()
	source = without_multiples(primes[i], source)
end
print("primes: " .. table.concat(primes, " "))

-- Numbers: 64-bit integers and doubles stay apart.
print("integers", math.maxinteger, 7 // 2, 7 % -3, 1 << 40)
print("floats  ", 7 / 2, 2 ^ 0.5, math.pi, string.format("%a", 0.1))

-- Errors are values.
local good, message = pcall(function() return nil + 1 end)
print("caught  ", good, message)
print("no file ", io.open("/data/absent.txt"))
print("time    ", os.time() > 1600000000, os.clock() < 60, os.getenv("HOME"))

-- Memory: a list of a million numbers comes and goes.
local list = table.move({ 1, 2, 3 }, 1, 3, 1, {})
for i = 4, 1000000 do list[i] = i * i end
print("list    ", #list, list[#list])
list = nil
collectgarbage()
print(("held    %s"):format(collectgarbage("count") < 1024 and "less than 1 MiB" or "too much"))

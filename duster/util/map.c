/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/util/map.h"

#include <errno.h>
#include <stdlib.h>

struct map_slot {
	uint64_t key, value;
};

#define SLOTS_MIN 64u

static size_t slot_of(const struct map *map, uint64_t key)
{
	/* Finalizer of a 64-bit multiplicative hash; then the next free slot. */
	uint64_t hash = (key ^ key >> 32) * 0xd6e8feb86659fd93ULL;
	size_t slot = (size_t)(hash ^ hash >> 32) & (map->slots_count - 1);

	while (map->slots[slot].key != key && map->slots[slot].key != MAP_NO_KEY)
		slot = (slot + 1) & (map->slots_count - 1);
	return slot;
}

void map_free(struct map *map)
{
	free(map->slots);
	*map = (struct map){0};
}

static int grow(struct map *map)
{
	size_t count = map->slots_count ? 2 * map->slots_count : SLOTS_MIN;
	struct map bigger = {.slots = malloc(count * sizeof(*bigger.slots)), .slots_count = count};

	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		bigger.slots[i].key = MAP_NO_KEY;
	for (size_t i = 0; i < map->slots_count; i++)
		if (map->slots[i].key != MAP_NO_KEY)
			bigger.slots[slot_of(&bigger, map->slots[i].key)] = map->slots[i];
	bigger.used = map->used;
	free(map->slots);
	*map = bigger;
	return 0;
}

int map_put(struct map *map, uint64_t key, uint64_t value)
{
	size_t slot;

	if (key == MAP_NO_KEY)
		return -EINVAL;
	if (map->used * 4 >= map->slots_count * 3) {
		int error = grow(map);

		if (error)
			return error;
	}
	slot = slot_of(map, key);
	if (map->slots[slot].key == MAP_NO_KEY)
		map->used++;
	map->slots[slot] = (struct map_slot){key, value};
	return 0;
}

bool map_get(const struct map *map, uint64_t key, uint64_t *value_out)
{
	size_t slot;

	if (key == MAP_NO_KEY || !map->slots_count)
		return false;
	slot = slot_of(map, key);
	if (map->slots[slot].key == MAP_NO_KEY)
		return false;
	*value_out = map->slots[slot].value;
	return true;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* A hash table from a number to a number. Keys may be anything but MAP_NO_KEY. */
#ifndef DUSTER_UTIL_MAP_H
#define DUSTER_UTIL_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAP_NO_KEY UINT64_MAX

struct map {
	struct map_slot *slots;
	size_t slots_count, used; /* slots_count: a power of 2 */
};

void map_free(struct map *map);
/* -ENOMEM, or -EINVAL for MAP_NO_KEY. An older value of the key is replaced. */
int map_put(struct map *map, uint64_t key, uint64_t value);
bool map_get(const struct map *map, uint64_t key, uint64_t *value_out);

#endif

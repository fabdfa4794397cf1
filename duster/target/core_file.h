/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two kinds of core files share: the file in memory, read with bounds. */
#ifndef DUSTER_TARGET_CORE_FILE_H
#define DUSTER_TARGET_CORE_FILE_H

#include <elf.h>

#include "duster/target/target.h"

struct core_file {
	const uint8_t *data;
	uint64_t bytes;
	char path[256];
};

/* NULL unless all of it lies in the file. */
static inline const void *core_file_at(const struct core_file *file, uint64_t offset,
				       uint64_t bytes)
{
	if (offset > file->bytes || bytes > file->bytes - offset)
		return 0;
	return file->data + offset;
}

/* Calls fn for each note of [offset, offset + bytes); ends early when it returns other than 0, or
 * where the notes make no sense. */
typedef int core_note_fn(void *context, const char *name, uint32_t type, const uint8_t *desc,
			 uint64_t desc_bytes);
int core_file_notes(const struct core_file *file, uint64_t offset, uint64_t bytes, core_note_fn *fn,
		    void *context);
void core_file_close(struct core_file *file);

/* The two readers; they take the file also when they fail. */
int core_xen_open(struct core_file *file, struct target **target_out, struct problem *problem);
int core_elf_open(struct core_file *file, struct target **target_out, struct problem *problem);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* CPU_ALLOC() and CPU_FREE(). */
#include <sched.h>
#include <stdlib.h>

cpu_set_t *__cpuset_alloc(int count)
{
	return malloc(CPU_ALLOC_SIZE(count));
}

void __cpuset_free(cpu_set_t *set)
{
	free(set);
}

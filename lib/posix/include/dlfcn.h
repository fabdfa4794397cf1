// SPDX-License-Identifier: BSD-2-Clause
/*
 * Dynamic linking (POSIX.1-2017 <dlfcn.h>; dladdr is glibc's). There is none: the functions are in
 * -lnoprocess alone, where they fail.
 */
#ifndef _DLFCN_H
#define _DLFCN_H
#include <sys/cdefs.h>
__BEGIN_DECLS

#define RTLD_LAZY    0x1
#define RTLD_NOW     0x2
#define RTLD_GLOBAL  0x100
#define RTLD_LOCAL   0
#define RTLD_DEFAULT ((void *)0)
#define RTLD_NEXT    ((void *)(-1))

typedef struct {
	const char *dli_fname;
	void *dli_fbase;
	const char *dli_sname;
	void *dli_saddr;
} Dl_info;

int dlclose(void *handle);
char *dlerror(void);
void *dlopen(const char *file, int mode);
void *dlsym(void *__restrict handle, const char *__restrict name);
int dladdr(const void *__restrict address, Dl_info *__restrict info);

__END_DECLS
#endif

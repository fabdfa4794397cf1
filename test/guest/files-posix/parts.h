/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEST_GUEST_FILES_POSIX_PARTS_H
#define TEST_GUEST_FILES_POSIX_PARTS_H

/* call fails with the errno. */
#define FAILS(call, error)                                                                         \
	do {                                                                                       \
		int failed_ = (errno = 0, (int)(call));                                            \
		CHECK(failed_ == -1 && #call && errno == (error));                                 \
		if (failed_ == -1 && errno != (error))                                             \
			printf("  %s: %d\n", #call, errno);                                        \
	} while (0)

/* … or with what POSIX says, where Linux has another. */
#define FAILS_EITHER(call, posix, linux)                                                           \
	CHECK((errno = 0, (call)) == -1 && (errno == (posix) || errno == (linux)))

extern const char *work_in, *work_kind;

/* A file with this text. */
void put(const char *name, const char *text);
int holds(const char *name, const char *text);

/* contents.c, whose checks are counted apart: main.c is told. */
void contents(void);
void main_checks(int done, int failed);

#endif

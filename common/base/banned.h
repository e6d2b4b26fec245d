#ifndef BASE_BANNED_H
#define BASE_BANNED_H

/*
 * Functions that invite overflows, silent truncation, hidden static buffers or unchecked numbers
 * are compile errors here. Use buf, snprintf, strtoll with its checks, gmtime_r.
 *
 * The system's own headers come first, so that only our code is refused.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat sprintf vsprintf gets strtok atoi atol gmtime localtime ctime

#endif

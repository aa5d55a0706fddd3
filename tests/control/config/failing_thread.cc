// SPDX-License-Identifier: BSD-3-Clause
//
// Loaded before the C library (LD_PRELOAD), refuses one thread to one worker of postern-control,
// the first that wants one while the file at POSTERN_FAULT is there: std::thread throws, in the
// middle of the worker's loop, at a moment of the test's choice. The file is then gone.
#include <dlfcn.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*start)(void*), void* argument) {
  using Create = int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static auto* const real = reinterpret_cast<Create*>(::dlsym(RTLD_NEXT, "pthread_create"));
  std::array<char, 16> name{};
  ::prctl(PR_GET_NAME, name.data(), 0, 0, 0);
  const char* file = std::getenv("POSTERN_FAULT");
  if (file != nullptr && std::strcmp(name.data(), "postern-worker") == 0 && ::unlink(file) == 0)
    return EAGAIN;
  return real(thread, attributes, start, argument);
}

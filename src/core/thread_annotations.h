#pragma once
// Clang's thread-safety attributes; nothing for other compilers.
#if defined(__clang__)
#define CORE_ANNOTATE(x) __attribute__((x))
#else
#define CORE_ANNOTATE(x)
#endif
#define GUARDED_BY(m) CORE_ANNOTATE(guarded_by(m))
#define PT_GUARDED_BY(m) CORE_ANNOTATE(pt_guarded_by(m))
#define REQUIRES(...) CORE_ANNOTATE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) CORE_ANNOTATE(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) CORE_ANNOTATE(acquire_capability(__VA_ARGS__))
#define RELEASE(...) CORE_ANNOTATE(release_capability(__VA_ARGS__))
#define CAPABILITY(x) CORE_ANNOTATE(capability(x))
#define SCOPED_CAPABILITY CORE_ANNOTATE(scoped_lockable)
#define NO_THREAD_SAFETY_ANALYSIS CORE_ANNOTATE(no_thread_safety_analysis)

// Class-data archives: a Spark JVM that maps its classes from an archive starts in half the CPU time. One archive
// serves one Java, one Spark and one class path; it is made by running a typical job once and letting the JVM write
// down what it loaded.
#pragma once

#include <filesystem>

#include "base/clock.h"
#include "base/result.h"
#include "runtime/stop.h"
#include "workers/jvm.h"

namespace stoker::workers {

// Takes 10 to 60 s, at the lowest priority. The archive appears complete or not at all. Python must be able to import
// stoker and pyspark.
Result<std::filesystem::path> make_class_archive(const LeaseRequest& request, const JvmFolders& folders,
                                                 const runtime::StopToken& stop, const Clock& clock);

// Removes all but the `keep` archives that were made last.
void prune_class_archives(const std::filesystem::path& folder, std::size_t keep);

}  // namespace stoker::workers

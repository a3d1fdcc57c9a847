// Between the run machine's rows and the store's.
#pragma once

#include "metadata/rows.h"
#include "pipeline/run/run_machine.h"

namespace stoker::engine {

// `logs`: folder of the last attempt; empty when there was none.
metadata::StepRow to_store(const pipeline::StepRow& row, const std::string& logs);
metadata::AttemptRow to_store(const pipeline::AttemptRow& row, const std::string& logs);
metadata::EventRow to_store(const pipeline::RunEvent& event, const RunId& run);
metadata::RunUpdate to_update(const pipeline::RunRow& row);

Result<pipeline::StepRow> from_store(const metadata::StepRow& row);
Result<pipeline::RunRow> from_store(const metadata::RunRow& row);

// One row per artifact that the outputs of a succeeded attempt name.
std::vector<metadata::ArtifactRow> artifact_rows(const pipeline::StepRow& row, const RunId& run,
                                                 const PipelineName& pipeline, WallTime now);

}  // namespace stoker::engine

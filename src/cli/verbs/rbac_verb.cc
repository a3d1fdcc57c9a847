#include <fmt/format.h>

#include "cli/output.h"
#include "cli/verbs/verbs.h"
#include "submission/driver_rights.h"

namespace stoker::cli {

Result<int> run_rbac(const CommonOptions& common, const RbacCommand& command) {
  const submission::Subject subject{.namespace_name = command.namespace_name,
                                    .name = command.user.value_or(command.service_account),
                                    .is_user = command.user.has_value()};
  TRY(submission::check_subject(subject));
  const auto rights = command.submitter ? submission::submitter_rights() : submission::driver_rights();
  const std::string role = submission::role_name(subject, command.submitter ? "spark-submitter" : "spark-driver");
  if (common.json)
    print_json(submission::role_objects(subject, role, rights));
  else
    print(submission::role_yaml(subject, role, rights));
  return 0;
}

}  // namespace stoker::cli

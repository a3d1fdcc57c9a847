#include <fmt/format.h>

#include <memory>

#include "base/strings.h"
#include "cli/cluster.h"
#include "cli/verbs/doctor_finding.h"
#include "resources/object.h"
#include "submission/driver_rights.h"

namespace stoker::cli {

namespace {

constexpr std::chrono::milliseconds kTimeToAnswer{20'000};

class ClusterDoctor {
 public:
  ClusterDoctor(const Program& program, const DoctorCommand& command) : program_(program), command_(command) {}

  std::vector<Finding> examine() {
    auto cluster = open_cluster(program_, command_.where);
    if (!cluster) return {bad("server", cluster.error())};
    cluster_ = std::move(cluster).value();
    namespace_ = namespace_of(command_.where, *cluster_);
    account_ = command_.service_account.value_or("default");
    if (examine_server() && examine_namespace()) {
      examine_identity();
      examine_own_rights();
      examine_account();
      examine_driver_rights();
    }
    return std::move(findings_);
  }

 private:
  runtime::Context context() const { return runtime::Context{}.with_timeout(program_.clock, kTimeToAnswer); }
  void add(Finding finding) { findings_.push_back(std::move(finding)); }

  bool examine_server() {
    const auto version = cluster_->client().version(context());
    if (!version) {
      add(bad("server", version.error()));
      return false;
    }
    add({"server", Verdict::good, fmt::format("Kubernetes {}", resources::text_in(version.value(), "gitVersion")), ""});
    return true;
  }

  // False when it is missing: what may be done in it is no question then.
  bool examine_namespace() {
    const auto there = cluster_->client().get(
        context(), {.type = kube::kNamespaces, .namespace_name = {}, .name = namespace_, .subresource = {}});
    if (there) return true;
    if (there.error().code == ErrorCode::permission) return true;  // few may look; the rest tells
    if (there.error().code != ErrorCode::not_found) {
      add(bad("namespace", there.error()));
      return false;
    }
    add({"namespace", Verdict::problem, fmt::format("there is no namespace {}", namespace_),
         fmt::format("make it: kubectl create namespace {}; or name another with --namespace", namespace_)});
    return false;
  }

  void examine_identity() {
    const auto review = cluster_->client().create(
        context(), {{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "SelfSubjectReview"}}, "");
    if (!review) {
      // Kubernetes has it from 1.28 on.
      if (review.error().code == ErrorCode::not_found)
        return add({"you", Verdict::advice, "this server does not say who you are", ""});
      return add(bad("you", review.error()));
    }
    const json::object& user = resources::object_in(resources::object_in(review.value(), "status"), "userInfo");
    add({"you", Verdict::good, fmt::format("{}, in the namespace {}", resources::text_in(user, "username"), namespace_),
         ""});
  }

  void examine_own_rights() {
    for (const submission::Right& right : submission::submitter_rights()) {
      const auto missing =
          submission::missing_rights(context(), cluster_->client(), std::span(&right, 1), namespace_, std::nullopt);
      if (!missing) return add(bad("you", missing.error()));
      add_right("you", right, missing.value(), fmt::format("stoker rbac --namespace {} --submitter", namespace_));
    }
  }

  void examine_account() {
    const kube::ObjectPath path{
        .type = kube::kServiceAccounts, .namespace_name = namespace_, .name = account_, .subresource = {}};
    const auto there = cluster_->client().get(context(), path);
    if (there) return add({"driver", Verdict::good, fmt::format("the service account {} is there", account_), ""});
    if (there.error().code == ErrorCode::permission)
      return add({"driver", Verdict::advice, fmt::format("you may not look whether {} is there", path.describe()), ""});
    if (there.error().code != ErrorCode::not_found) return add(bad("driver", there.error()));
    add({"driver", Verdict::problem,
         fmt::format("there is no service account {} in the namespace {}", account_, namespace_),
         fmt::format("make it: {} | kubectl apply -f -", rbac_command())});
  }

  void examine_driver_rights() {
    for (const submission::Right& right : submission::driver_rights()) {
      const auto missing =
          submission::missing_rights(context(), cluster_->client(), std::span(&right, 1), namespace_, account_);
      if (!missing && missing.error().code == ErrorCode::permission)
        return add({"driver", Verdict::advice, fmt::format("you may not ask what {} may do", account_),
                    fmt::format("an administrator can: stoker doctor --cluster --namespace {} --service-account {}",
                                namespace_, account_)});
      if (!missing) return add(bad("driver", missing.error()));
      add_right("driver", right, missing.value(), rbac_command());
    }
  }

  std::string rbac_command() const {
    return fmt::format("stoker rbac --namespace {} --service-account {}", namespace_, account_);
  }

  void add_right(std::string_view who, const submission::Right& right,
                 const std::vector<submission::Permission>& missing, const std::string& command) {
    if (missing.empty())
      return add({std::string(who), Verdict::good, fmt::format("may {} {}", right.verbs, right.resource), ""});
    std::vector<std::string> verbs;
    for (const submission::Permission& permission : missing)
      verbs.push_back(permission.verb);
    add({std::string(who), right.essential ? Verdict::problem : Verdict::advice,
         fmt::format("may not {} {}: {}", join(verbs, " "), right.resource, right.reason),
         fmt::format("{} prints the rights, for an administrator to apply", command)});
  }

  const Program& program_;
  const DoctorCommand& command_;
  std::unique_ptr<Cluster> cluster_;
  std::string namespace_;
  std::string account_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> examine_cluster(const Program& program, const DoctorCommand& command) {
  return ClusterDoctor(program, command).examine();
}

}  // namespace stoker::cli

// The verbs that speak to a cluster.
#include <fmt/format.h>

#include "cli/command_parser.h"
#include "cli/submit/submit_line.h"
#include "resources/object.h"

namespace stoker::cli {

namespace {

constexpr Shared kNoStore{.store = false, .json = true};
constexpr int kMostSeconds = 1'000'000'000;
constexpr auto kAppHelp = "[NAMESPACE/]POD, NAMESPACE:POD, or an application's id, submission or name";

void add_cluster(CLI::App& app, ClusterOptions& options) {
  app.add_option("--context", options.context, "The kubeconfig's context (default: the current one)")
      ->type_name("NAME");
  app.add_option("--kubeconfig", options.kubeconfig, "Instead of KUBECONFIG and ~/.kube/config")->type_name("FILE");
}

CLI::Option* names_namespace(CLI::Option* option) {
  option->type_name("NAME");
  return option->check(CLI::Validator(
      [](std::string& text) -> std::string {
        if (resources::is_dns_label(text)) return "";
        return fmt::format("\"{}\" is no name of a namespace: it has {}", text, resources::kDnsLabelRule);
      },
      ""));
}

CLI::Option* add_namespace(CLI::App& app, ClusterOptions& options) {
  return names_namespace(app.add_option("--namespace,-n", options.namespace_name,
                                        "The namespace (default: that of the kubeconfig's context)"));
}

void add_place(CLI::App& app, ClusterOptions& options) {
  auto* one = add_namespace(app, options);
  app.add_flag("--all-namespaces,-A", options.all_namespaces, "In every namespace")->excludes(one);
  add_cluster(app, options);
}

void add_app(CLI::App& app, std::string& name) {
  app.add_option("app", name, kAppHelp)->required()->type_name("");
}

}  // namespace

void Parser::add_apps_verbs(CLI::App& apps) {
  verb<AppsListCommand>(
      apps, "list", "List Spark applications, whoever started them", "  stoker apps list\n  stoker apps list -A --json",
      [](CLI::App& app, AppsListCommand& options) { add_place(app, options.where); }, kNoStore);
  verb<AppsShowCommand>(
      apps, "show", "Show an application: why it waits or how it ended, its executors, recent events",
      "  stoker apps show pi-4b3c-driver\n  stoker apps show ml/pi-4b3c-driver",
      [](CLI::App& app, AppsShowCommand& options) {
        add_app(app, options.app);
        add_place(app, options.where);
      },
      kNoStore);
  verb<AppsLogsCommand>(
      apps, "logs", "Print the log of an application's driver, or of an executor",
      "  stoker apps logs -f pi-4b3c-driver\n  stoker apps logs spark-pi --executor 3 --tail 100",
      [](CLI::App& app, AppsLogsCommand& options) {
        add_app(app, options.app);
        auto* follow = app.add_flag("--follow,-f", options.follow, "Go on until it ends, over broken connections too");
        app.add_flag("--previous", options.previous, "Of the container before the last restart")->excludes(follow);
        count_from(app.add_option("--tail", options.tail, "Only the last lines"), 0, kMostSeconds);
        app.add_option("--executor", options.executor, "Of the executor with this id")->type_name("ID");
        add_place(app, options.where);
      },
      {.store = false, .json = false});
  verb<AppsEventsCommand>(
      apps, "events", "Print what the cluster says of an application's driver and executors, in order",
      "  stoker apps events pi-4b3c-driver",
      [](CLI::App& app, AppsEventsCommand& options) {
        add_app(app, options.app);
        add_place(app, options.where);
      },
      kNoStore);
  verb<AppsKillCommand>(
      apps, "kill", "End applications: their drivers are deleted, and all that hangs on them",
      "  stoker apps kill pi-4b3c-driver\n  stoker apps kill ml/a-driver ml/b-driver --grace-period 5",
      [](CLI::App& app, AppsKillCommand& options) {
        app.add_option("apps", options.apps, kAppHelp)->required()->type_name("");
        count_from(app.add_option("--grace-period", options.grace_period,
                                  "Seconds that the driver has to end in order (default: the pod's own, 30)"),
                   0, kMostSeconds);
        add_place(app, options.where);
      },
      kNoStore);
  verb<AppsCleanupCommand>(
      apps, "cleanup", "Finish or remove what submitters that died have left",
      "  stoker apps cleanup --namespace ml\n  stoker apps cleanup -A",
      [](CLI::App& app, AppsCleanupCommand& options) { add_place(app, options.where); }, kNoStore);
}

void Parser::add_cluster_verbs() {
  verb<SubmitCommand>(
      app_, "submit", "Submit a Spark application to Kubernetes, as spark-submit does",
      "  stoker submit --dry-run --master k8s://https://host:6443 --deploy-mode cluster \\\n"
      "    --conf spark.kubernetes.container.image=apache/spark:4.0.1 "
      "local:///opt/spark/examples/src/main/python/pi.py",
      [](CLI::App& app, SubmitCommand&) {
        for (const SubmitHelp& row : submit_help())
          row.value.empty() ? app.add_flag(row.flag, row.help)
                            : app.add_option(row.flag)->description(row.help)->type_name(row.value);
        app.add_option("application")->description("A jar, a .py or a .R file, and its arguments")->type_name("");
      },
      {.store = false, .json = false});
  add_apps_verbs(*group("apps", "Look at Spark applications on Kubernetes, read their logs and end them"));
  verb<RbacCommand>(
      app_, "rbac", "Print the least rights that a Spark driver needs, as YAML for kubectl",
      "  stoker rbac --namespace ml --service-account spark | kubectl apply -f -\n"
      "  stoker rbac --namespace ml --submitter --user alice | kubectl apply -f -",
      [](CLI::App& app, RbacCommand& options) {
        names_namespace(app.add_option("--namespace,-n", options.namespace_name, "Where the applications run")
                            ->capture_default_str());
        auto* account =
            app.add_option("--service-account", options.service_account, "Who gets the rights; it is made too")
                ->capture_default_str()
                ->type_name("NAME");
        auto* submitter =
            app.add_flag("--submitter", options.submitter, "The rights of who runs `stoker submit` and `stoker apps`");
        app.add_option("--user", options.user, "With --submitter: a user of the cluster instead of a service account")
            ->type_name("NAME")
            ->needs(submitter)
            ->excludes(account);
      },
      kNoStore);
  verb<DoctorCommand>(
      app_, "doctor", "Check Python, Java, pyspark, disk and versions, or a cluster, and say what to do",
      "  stoker doctor\n  stoker doctor --cluster --namespace ml --service-account spark",
      [](CLI::App& app, DoctorCommand& options) {
        auto* python =
            app.add_option("--python", options.python, "The Python interpreter for the steps")->type_name("PYTHON");
        auto* cluster = app.add_flag("--cluster", options.cluster,
                                     "Instead of this machine: API server, who you are, your rights and the driver's");
        cluster->excludes(python);
        add_namespace(app, options.where)->needs(cluster);
        app.add_option("--service-account", options.service_account, "With --cluster: the driver's (default: default)")
            ->type_name("NAME")
            ->needs(cluster);
        add_cluster(app, options.where);
      });
}

}  // namespace stoker::cli

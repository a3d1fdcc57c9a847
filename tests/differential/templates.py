"""Random pod templates: lines that go together in any combination."""

from __future__ import annotations

import json
import random

import yaml

METADATA = [
    "labels: {t: x, spark-role: boss, n: 1, yes: true}",
    "labels: {}",
    "annotations: {a: b, number: 7, 'a/b': ''}",
    "annotations: {text: \"a\\tb\", folded: 'it''s'}",
    "name: of-the-template",
    "namespace: elsewhere",
    "generateName: gen-",
    "finalizers: [example.com/f]",
    "creationTimestamp: null",
    "ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: o, uid: u}]",
]

SPEC = [
    "nodeSelector: {z: q, disk: ssd}",
    "tolerations: [{key: a, operator: Exists, effect: NoSchedule}, {key: b, value: c, tolerationSeconds: 300}]",
    "tolerations: []",
    "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
    "{nodeSelectorTerms: [{matchExpressions: [{key: k, operator: In, values: [v]}]}]}}}",
    "affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: "
    "[{weight: 1, podAffinityTerm: {topologyKey: t, labelSelector: {matchLabels: {a: b}}}}]}}",
    "topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {a: b}}}]",
    "priorityClassName: high",
    "serviceAccountName: of-the-template",
    "serviceAccount: old-style",
    "automountServiceAccountToken: false",
    "restartPolicy: Always",
    "terminationGracePeriodSeconds: 45",
    "activeDeadlineSeconds: 3600",
    "imagePullSecrets: [{name: from-template}]",
    "schedulerName: of-the-template",
    "hostAliases: [{ip: 10.0.0.1, hostnames: [a, b]}]",
    "hostNetwork: true",
    "dnsPolicy: None",
    "dnsConfig: {nameservers: [10.0.0.2], options: [{name: ndots, value: '2'}]}",
    "securityContext: {runAsUser: 1000, fsGroup: 2000, runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}, sysctls: [{name: a, value: b}]}",
    "enableServiceLinks: false",
    "shareProcessNamespace: true",
    "runtimeClassName: gvisor",
    "overhead: {cpu: 250m, memory: 64Mi}",
    "volumes: [{name: tv, emptyDir: {}}]",
    "volumes: [{name: tv, emptyDir: {medium: Memory, sizeLimit: 1Gi}}, {name: spark-local-dir-9, hostPath: {path: /h}}]",
    "volumes: [{name: tv, configMap: {name: c, defaultMode: 420, optional: true, items: [{key: k, path: p, mode: 256}]}}]",
    "volumes: [{name: tv, secret: {secretName: s, items: [{key: k, path: p}]}}]",
    "volumes: [{name: tv, projected: {sources: [{secret: {name: s}}, {configMap: {name: c}}, {serviceAccountToken: {path: t, expirationSeconds: 3600}}]}}]",
    "volumes: [{name: tv, csi: {driver: d, readOnly: true, volumeAttributes: {a: b}}}]",
    "volumes: [{name: tv, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}}}]",
    "volumes: [{name: tv, downwardAPI: {items: [{path: p, fieldRef: {fieldPath: metadata.labels}}]}}]",
    "volumes: [{name: tv, persistentVolumeClaim: {claimName: c}}]",
    "initContainers: [{name: i, image: i, command: [sh, -c, 'true'], env: [{name: A, value: 1}], resources: {requests: {cpu: 1}}}]",
    "readinessGates: [{conditionType: ready}]",
]

CONTAINER = [
    "image: of-the-template",
    "imagePullPolicy: Never",
    "command: [/entry, 1]",
    "args: [from, the, template]",
    "workingDir: /w",
    "env: [{name: T, value: '1'}, {name: N, value: 7}, {name: B, value: true}, {name: E}]",
    "env: [{name: SPARK_USER, value: template}]",
    "env: [{name: F, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}, {name: S, valueFrom: {secretKeyRef: {name: s, key: k, optional: true}}}]",
    "envFrom: [{secretRef: {name: s}}, {configMapRef: {name: c, optional: true}, prefix: P_}]",
    "resources: {limits: {memory: 1Gi, cpu: 2, nvidia.com/gpu: 1}, requests: {cpu: 0.5, memory: 512Mi}}",
    "resources: {limits: {ephemeral-storage: 10Gi}}",
    "resources: {}",
    "volumeMounts: [{name: tv, mountPath: /tv, readOnly: true, subPath: s}]",
    "volumeMounts: [{name: spark-local-dir-9, mountPath: /local9}]",
    "ports: [{containerPort: 8080, name: web}, {containerPort: 9090, protocol: UDP}]",
    "livenessProbe: {httpGet: {path: /, port: 4040}, initialDelaySeconds: 5}",
    "livenessProbe: {httpGet: {path: /, port: spark-ui, httpHeaders: [{name: a, value: b}]}}",
    "readinessProbe: {exec: {command: [cat, /x]}}",
    "startupProbe: {tcpSocket: {port: 7078}, failureThreshold: 30}",
    "lifecycle: {preStop: {exec: {command: [sleep, '5']}}}",
    "securityContext: {runAsUser: 185, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, readOnlyRootFilesystem: true}",
    "terminationMessagePolicy: FallbackToLogsOnError",
    "stdin: true",
]

# In block style, whose texts have blanks and line ends of their own.
BLOCKS = [
    "command:\n- sh\n- -c\n- |\n  one\n  two",
    "args:\n  - >-\n    folded\n    text\n  - 'single ''quoted'''\n  - \"tab\\tquoted\"",
    "env:\n- &one {name: ONE, value: &text '1'}\n- {name: TWO, value: *text}",
    "env:\n# a comment\n- name: PLAIN   # and one more\n  value: with spaces  ",
]

BAD = [
    "kind: Job\n",
    "kind: Pod\nspec: [\n",
    "kind: Pod\nspec: {containers: 7}\n",
    "kind: Pod\n---\nkind: Pod\n",
    "",
]


def part(source: random.Random, lines: list[str], most: int) -> list[str]:
    """Some of them, each key once."""
    drawn = {line.partition(":")[0]: line for line in source.sample(lines, source.randint(0, most))}
    return list(drawn.values())


def indented(lines: list[str], by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for text in lines for line in text.split("\n"))


def container(source: random.Random, name: str) -> str:
    lines = part(source, CONTAINER, 6)
    if source.random() < 0.3:
        block = source.choice(BLOCKS)
        lines = [line for line in lines if line.partition(":")[0] != block.partition(":")[0]] + [block]
    body = indented([*([f"name: {name}"] if name else []), *lines, *([] if name or lines else ["name: c"])], 4)
    return "  - " + body[4:]


def random_template(source: random.Random, names: list[str]) -> str:
    """With containers of these names, of which the last may be ""."""
    head = source.choice(["apiVersion: v1\nkind: Pod\n", "kind: Pod\n", "---\napiVersion: v1\nkind: Pod\n"])
    metadata, spec = part(source, METADATA, 3), part(source, SPEC, 6)
    text = head + ("metadata:\n" + indented(metadata, 2) if metadata else "")
    if not spec and not names:
        return text
    text += "spec:\n" + indented(spec, 2)
    if names:
        text += "  containers:\n" + "".join(container(source, name) for name in names)
    if source.random() < 0.2:
        return json.dumps(yaml.safe_load(text), ensure_ascii=source.random() < 0.5)
    return text

{{- define "postrider.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride }}
{{- else }}
{{- $name := ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) }}
{{- if not (regexMatch "^[a-z]" $name) }}
{{- fail (printf "the release's name, %s, does not begin with a letter, and so names no Service: set fullnameOverride" .Release.Name) }}
{{- end }}
{{- $name | replace "." "-" | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "postrider.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "postrider.node" -}}
{{ include "postrider.selector" . }}
app.kubernetes.io/component: node
{{- end }}

{{- define "postrider.pgbouncer" -}}
{{ include "postrider.selector" . }}
app.kubernetes.io/component: pgbouncer
{{- end }}

{{- define "postrider.labels" -}}
{{ include "postrider.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "postrider.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{- define "postrider.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "postrider.fullname" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{/* The parts of a JDBC URL, as {host, port, name, sslmode}; for what takes no such URL, and so only one server. */}}
{{- define "postrider.server" -}}
{{- $parts := regexFindAll "[^,/?]+" (trimPrefix "jdbc:postgresql://" (first (splitList "?" .))) -1 }}
{{- if ne (len $parts) 2 }}
{{- fail (printf "database.url names several servers (%s), and pgbouncer and autoscaling can use one only: give an address that leads to the primary" .) }}
{{- end }}
{{- if regexMatch "[?&]ssl(=|&|$)" . }}
{{- fail "database.url has ssl=, which only JDBC knows, and pgbouncer and autoscaling do not: write sslmode=" }}
{{- end }}
{{- $mode := regexReplaceAll ".sslmode=" (regexFind "[?&]sslmode=[a-z-]+" .) "" | default "prefer" }}
{{- $port := regexFind ":[0-9]+$" (first $parts) }}
{{- if not (has $mode (list "disable" "allow" "prefer" "require" "verify-ca" "verify-full")) }}
{{- fail (printf "database.url has sslmode=%s, which is none of disable, allow, prefer, require, verify-ca, verify-full" $mode) }}
{{- end }}
host: {{ trimSuffix $port (first $parts) | trimAll "[]" | quote }}
port: {{ trimPrefix ":" $port | default "5432" | quote }}
name: {{ last $parts | quote }}
sslmode: {{ $mode | quote }}
{{- end }}

{{/* The ports of a JDBC URL's servers, a list. */}}
{{- define "postrider.ports" -}}
{{- range splitList "," (regexFind "^[^/]+" (trimPrefix "jdbc:postgresql://" .)) }}
- {{ trimPrefix ":" (regexFind ":[0-9]+$" .) | default "5432" }}
{{- end }}
{{- end }}

{{- define "postrider.pooler" -}}
{{- if .Values.pgbouncer.enabled -}}
jdbc:postgresql://{{ include "postrider.fullname" . }}-pgbouncer:6432/{{ (include "postrider.server" .Values.database.url | fromYaml).name }}
{{- else -}}
{{ .Values.database.poolerUrl }}
{{- end }}
{{- end }}

{{/* A setting's name as an environment variable. */}}
{{- define "postrider.variable" -}}
{{ . | upper | replace "." "_" | replace "-" "_" }}
{{- end }}

{{/* A value as a text: Helm reads every number as a float, and would write 1e+06. */}}
{{- define "postrider.text" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{- define "postrider.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

package dev.postrider.helm;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.introspect.Annotated;
import com.fasterxml.jackson.databind.introspect.JacksonAnnotationIntrospector;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.networking.v1.Ingress;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import io.fabric8.openshift.api.model.monitoring.v1.PrometheusRule;
import io.fabric8.openshift.api.model.monitoring.v1.ServiceMonitor;
import java.util.List;
import java.util.Map;

/** Reads an object as the Kubernetes API would with strict validation of fields: an unknown field or a wrong type is an error. */
final class KubernetesTypes {

    private static final Map<String, Class<?>> TYPES = Map.ofEntries(
            Map.entry("v1 ConfigMap", ConfigMap.class),
            Map.entry("v1 Service", Service.class),
            Map.entry("v1 ServiceAccount", ServiceAccount.class),
            Map.entry("apps/v1 Deployment", Deployment.class),
            Map.entry("policy/v1 PodDisruptionBudget", PodDisruptionBudget.class),
            Map.entry("networking.k8s.io/v1 Ingress", Ingress.class),
            Map.entry("networking.k8s.io/v1 NetworkPolicy", NetworkPolicy.class),
            Map.entry("monitoring.coreos.com/v1 ServiceMonitor", ServiceMonitor.class),
            Map.entry("monitoring.coreos.com/v1 PrometheusRule", PrometheusRule.class),
            Map.entry("keda.sh/v1alpha1 ScaledObject", ScaledObject.class),
            Map.entry("keda.sh/v1alpha1 TriggerAuthentication", TriggerAuthentication.class));

    private static final ObjectMapper STRICT = new ObjectMapper()
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .setAnnotationIntrospector(new NoAdditions());

    private KubernetesTypes() {}

    /** @throws AssertionError if it is of an unknown type, or not as its type has it */
    static void check(JsonNode object) {
        String type =
                object.path("apiVersion").asText() + " " + object.path("kind").asText();
        Class<?> known = TYPES.get(type);
        if (known == null) {
            throw new AssertionError("unknown type " + type);
        }
        try {
            STRICT.treeToValue(object, known);
        } catch (JsonProcessingException e) {
            throw new AssertionError("%s %s: %s".formatted(type, object.at("/metadata/name"), e.getMessage()), e);
        }
    }

    /** The model keeps what it does not know, so that it can be written again; here that is an error. */
    private static final class NoAdditions extends JacksonAnnotationIntrospector {

        private static final long serialVersionUID = 1;

        @Override
        public Boolean hasAnySetter(Annotated annotated) {
            return false;
        }
    }

    /** What the chart uses of KEDA 2's custom resource {@code keda.sh/v1alpha1}. */
    record ScaledObject(String apiVersion, String kind, ObjectMeta metadata, Spec spec) {

        record Spec(
                Target scaleTargetRef,
                int minReplicaCount,
                int maxReplicaCount,
                int pollingInterval,
                Advanced advanced,
                List<Trigger> triggers) {}

        record Target(String name) {}

        record Advanced(Autoscaler horizontalPodAutoscalerConfig) {}

        record Autoscaler(Behavior behavior) {}

        record Behavior(Rules scaleDown) {}

        record Rules(int stabilizationWindowSeconds, List<Policy> policies) {}

        record Policy(String type, int value, int periodSeconds) {}

        record Trigger(String type, PostgresqlScaler metadata, Target authenticationRef) {}

        /** The scaler's parameters: texts, all of them. */
        record PostgresqlScaler(
                String host, String port, String dbName, String sslmode, String query, String targetQueryValue) {}
    }

    /** What the chart uses of it; the parameters' names are the scaler's. */
    record TriggerAuthentication(String apiVersion, String kind, ObjectMeta metadata, Spec spec) {

        record Spec(List<Secret> secretTargetRef) {}

        record Secret(Parameter parameter, String name, String key) {}

        enum Parameter {
            userName,
            password
        }
    }
}

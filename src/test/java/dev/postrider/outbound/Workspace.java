package dev.postrider.outbound;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DataSourceTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/** A workspace of a test, with what an application and the API do in it; reads see everything. */
final class Workspace {

    final UUID id;

    private final JdbcTemplate everything;
    private final EndpointSecrets secrets;

    private Workspace(UUID id, JdbcTemplate everything, EndpointSecrets secrets) {
        this.id = id;
        this.everything = everything;
        this.secrets = secrets;
    }

    /** @param everything logs in as a superuser */
    static Workspace create(JdbcTemplate everything, EndpointSecrets secrets) {
        UUID id = everything.queryForObject("select postrider.create_workspace('a test')", UUID.class);
        return new Workspace(id, everything, secrets);
    }

    /** Makes an endpoint for all events, tried again at once; returns its id. */
    UUID endpoint(String url, String signingSecret, String policy, Map<String, String> headers, int timeout) {
        String sealed = secrets.sealHeaders(id, headers).entrySet().stream()
                .map(header -> "\"%s\": \"%s\"".formatted(header.getKey(), header.getValue()))
                .collect(java.util.stream.Collectors.joining(", ", "{", "}"));
        return within(() -> everything.queryForObject(
                "insert into postrider.webhook_endpoints (workspace_id, url, event_types, secret, redelivery_policy,"
                        + " headers, timeout) values (?, ?, '{*}', ?, ?::jsonb, ?::jsonb, ?) returning endpoint_id",
                UUID.class,
                id,
                url,
                sealed(signingSecret),
                policy,
                sealed,
                timeout));
    }

    private byte[] sealed(String signingSecret) {
        try {
            return secrets.sealKeys(id, EndpointKeys.of(signingSecret));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Changes an endpoint: {@code change} is what stands after {@code set}. */
    int update(UUID endpointId, String change, Object... arguments) {
        Object[] all = java.util.Arrays.copyOf(arguments, arguments.length + 1);
        all[arguments.length] = endpointId;
        return within(() -> everything.update(
                "update postrider.webhook_endpoints set %s where endpoint_id = ?".formatted(change), all));
    }

    UUID publish(String type, String payload) {
        return publish(type, payload, null);
    }

    UUID publish(String type, String payload, String eventKey) {
        return within(() -> everything.queryForObject(
                "select postrider.publish_event(?, ?::jsonb, ?)", UUID.class, type, payload, eventKey));
    }

    /** Publishes events with these payloads in one transaction. */
    void publishAll(List<String> payloads) {
        within(() -> everything.queryForList(
                "select postrider.publish_event('circuit.many', payload::jsonb) from unnest(?::text[]) payload",
                (Object) payloads.toArray(String[]::new)));
    }

    UUID replay(UUID deadLetterId) {
        return within(() -> everything.queryForObject(
                "select postrider.replay_dead_letter(?, 'the endpoint has recovered')", UUID.class, deadLetterId));
    }

    private <T> T within(java.util.function.Supplier<T> work) {
        return new TransactionTemplate(new DataSourceTransactionManager(everything.getDataSource())).execute(status -> {
            everything.queryForObject(
                    "select set_config('app.active_workspace', ?, true)", String.class, id.toString());
            return work.get();
        });
    }

    /** The rows of a table of this workspace. */
    /** But for the tasks that tell of dead letters. */
    List<Map<String, Object>> rows(String table) {
        return everything.queryForList(
                "select * from postrider.%s t where workspace_id = ? and to_jsonb(t) ->> 'task_type' is distinct from 'dead-letter'"
                        .formatted(table),
                id);
    }

    /** The attempts of this workspace's deliveries, in order. */
    List<Map<String, Object>> attempts() {
        return everything.queryForList(
                "select *, request_headers::text as sent, response_headers::text as received"
                        + " from postrider.delivery_attempts where workspace_id = ? order by attempt",
                id);
    }

    Map<String, Object> deadLetter() {
        return everything.queryForMap(
                "select *, attempts::text as log from postrider.dead_letters where workspace_id = ?", id);
    }
}

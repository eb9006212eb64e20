package dev.postrider.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReceiveGithubWebhookTest extends InboundTest {

    @ParameterizedTest
    @CsvSource({
        "issues, MDU6SXNzdWU0NDQ1MDAwNDE=, 2019-05-15T15:20:18Z",
        "pull_request, MDExOlB1bGxSZXF1ZXN0Mjc5MTQ3NDM3, 2019-05-15T15:20:33Z",
        "pull_request_review, MDE3OlB1bGxSZXF1ZXN0UmV2aWV3MjM3ODk1Njcx, 2019-05-15T15:20:38Z",
        "release, MDc6UmVsZWFzZTE3MzcyNzkw, 2019-05-15T15:20:53Z",
        "check_run, MDg6Q2hlY2tSdW4xMjg2MjAyMjg=, 2019-05-15T15:21:12Z",
        "workflow_run, WFR_kwLOF6lyTM5euGA3, 2021-12-16T19:37:22Z"
    })
    void mirrorsTheObjectThatAnEventIsAbout(String event, String object, String changed) {
        String path = source("github", "sync-github", SECRET);

        HttpResponse<String> answer = github(path, event, "delivery-1");

        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        assertThat(answer.body()).contains("\"applied\"");
        assertThat(database.queryForMap(
                        "select event_type, to_timestamp(state_version / 1000.0) = ?::timestamptz as same"
                                + " from postrider.billing_events where workspace_id = ? and provider_ref_id = ?",
                        changed,
                        workspace,
                        object))
                .containsEntry("event_type", event)
                .containsEntry("same", true);
    }

    @ParameterizedTest
    @CsvSource({"ping", "push", "star"})
    void acceptsAnEventThatIsAboutNoObjectsState(String event) {
        String path = source("github", "sync-github", SECRET);

        HttpResponse<String> answer = github(path, event, "delivery-1");

        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        assertThat(answer.body()).contains("\"accepted\"");
        assertThat(count("billing_events")).isZero();
        assertThat(count("background_tasks")).isEqualTo(1);
    }

    @Test
    void aRedeliveryIsADuplicate() {
        String path = source("github", null, SECRET);

        github(path, "push", "delivery-1");
        HttpResponse<String> again = github(path, "push", "delivery-1");

        assertThat(again.body()).contains("\"duplicate\"");
        assertThat(verdicts()).containsExactly("accepted", "duplicate");
    }

    @Test
    void aChangedByteIsRefused() {
        String path = source("github", null, SECRET);
        byte[] body = resource("github/push.json");
        Map<String, String> headers = githubHeaders(body, "push", "delivery-1");
        body[body.length / 2] ^= 1;

        assertThat(send(path, body, headers).statusCode()).isEqualTo(401);
        assertThat(verdicts()).containsExactly("rejected");
    }

    private HttpResponse<String> github(String path, String event, String delivery) {
        byte[] body = resource("github/" + event + ".json");
        return send(path, body, githubHeaders(body, event, delivery));
    }
}

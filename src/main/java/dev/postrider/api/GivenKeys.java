package dev.postrider.api;

import dev.postrider.secrets.Secrets;
import java.util.UUID;
import org.springframework.jdbc.core.JdbcTemplate;

/** Makes what the settings promise: the demo workspace with its key, and the operators' key; safe at every start. */
public final class GivenKeys {

    /** The demo workspace's id, the same everywhere, so that documentation can name it. */
    public static final UUID DEMO = UUID.fromString("00000000-0000-7000-8000-0000000000de");

    private static final UUID NO_WORKSPACE = new UUID(0, 0);
    private static final String MAKE_DEMO =
            "select postrider.create_workspace('demo', ?) where not exists (select from postrider.workspaces where workspace_id = ?)";
    private static final String MAKE_KEY = "select postrider.create_api_key(?, ?, '{produce,inspect}')";

    private final Secrets secrets;
    private final JdbcTemplate operator;

    GivenKeys(Secrets secrets, JdbcTemplate operator) {
        this.secrets = secrets;
        this.operator = operator;
    }

    void make() {
        secrets.demoApiKey().ifPresent(key -> {
            operator.query(MAKE_DEMO, row -> {}, DEMO, DEMO);
            operator.query(MAKE_KEY, row -> {}, DEMO, ApiKeys.hash(key));
        });
        secrets.operatorApiKey().ifPresent(key -> operator.query(MAKE_KEY, row -> {}, NO_WORKSPACE, ApiKeys.hash(key)));
    }
}

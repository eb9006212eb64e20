package dev.postrider.database;

import com.zaxxer.hikari.HikariDataSource;
import dev.postrider.secrets.Secrets;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Map;
import javax.sql.DataSource;
import org.postgresql.ds.PGSimpleDataSource;
import org.springframework.boot.actuate.health.CompositeHealthContributor;
import org.springframework.boot.actuate.health.Health;
import org.springframework.boot.actuate.health.HealthContributor;
import org.springframework.boot.actuate.health.HealthIndicator;
import org.springframework.boot.actuate.jdbc.DataSourceHealthIndicator;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.DependsOn;
import org.springframework.jdbc.datasource.DataSourceTransactionManager;
import org.springframework.transaction.PlatformTransactionManager;

/** One data source per role; none of them connects before the database is at this version. */
@Configuration(proxyBeanMethods = false)
public class DataSources {

    @Bean
    RoleLogins roleLogins(DatabaseSettings settings, Secrets secrets) {
        return RoleLogins.of(settings, secrets);
    }

    @Bean(initMethod = "run")
    Migration migration(DatabaseLocation location, RoleLogins logins, Secrets secrets) {
        return new Migration(location, logins, secrets);
    }

    /** Handlers, API and inbound work, under the policy of the active workspace. */
    @Bean
    @DependsOn("migration")
    TenantDataSource tenant(DatabaseLocation location, RoleLogins logins) {
        return configure(new TenantDataSource(), "tenant", location, logins.tenant(), 16);
    }

    /** Heartbeats, claiming and finishing: executes functions, reads nothing. */
    @Bean
    @DependsOn("migration")
    HikariDataSource dispatcher(DatabaseLocation location, RoleLogins logins) {
        return configure(new HikariDataSource(), "dispatcher", location, logins.dispatcher(), 8);
    }

    /** Finding out whose request this is, with the dispatcher's login: however many ask, no heartbeat waits behind them. */
    @Bean
    @DependsOn("migration")
    HikariDataSource admission(DatabaseLocation location, RoleLogins logins) {
        return configure(new HikariDataSource(), "admission", location, logins.dispatcher(), 4);
    }

    /** Work on dead letters across workspaces. */
    @Bean
    @DependsOn("migration")
    HikariDataSource operator(DatabaseLocation location, RoleLogins logins) {
        return configure(new HikariDataSource(), "operator", location, logins.operator(), 4);
    }

    /** Reading across workspaces. Found by name only: Spring would make whatever it finds by type part of the whole's health. */
    @Bean(autowireCandidate = false)
    @DependsOn("migration")
    HikariDataSource analyst(DatabaseSettings settings, DatabaseLocation location, RoleLogins logins) {
        return analystPool("analyst", settings.replicaUrl(), location, logins.analyst(), 4);
    }

    /** For measuring only: four long queries of analysts shall not look like a replica that is down. */
    @Bean(autowireCandidate = false)
    @DependsOn("migration")
    HikariDataSource analystProbe(DatabaseSettings settings, DatabaseLocation location, RoleLogins logins) {
        return analystPool("analyst probe", settings.replicaUrl(), location, logins.analyst(), 1);
    }

    /** Straight to PostgreSQL, unpooled: for LISTEN, which belongs to one connection. */
    @Bean
    @DependsOn("migration")
    DataSource listening(DatabaseLocation location, RoleLogins logins) {
        PGSimpleDataSource dataSource = new PGSimpleDataSource();
        dataSource.setUrl(location.directUrl());
        dataSource.setUser(logins.dispatcher().username());
        dataSource.setPassword(logins.dispatcher().password());
        dataSource.setApplicationName("postrider listening");
        if (dataSource.getSocketFactory() == null) { // some clouds' proxies need their own, given in the URL
            dataSource.setSocketFactory(PromptSockets.class.getName());
        }
        dataSource.setTcpKeepAlive(true);
        dataSource.setConnectTimeout(5);
        dataSource.setSocketTimeout(60);
        return dataSource;
    }

    @Bean
    @DependsOn("migration")
    OwnerConnections ownerConnections(DatabaseLocation location, RoleLogins logins) {
        return new OwnerConnections(location, logins);
    }

    @Bean
    PlatformTransactionManager tenantTransactions(HikariDataSource tenant) {
        return new DataSourceTransactionManager(tenant);
    }

    @Bean
    PlatformTransactionManager operatorTransactions(HikariDataSource operator) {
        return new DataSourceTransactionManager(operator);
    }

    /** As Spring would make it, but for the tenant's pool, which has to be asked as a workspace transaction asks. */
    @Bean
    HealthContributor dbHealthContributor(Map<String, DataSource> dataSources) {
        return CompositeHealthContributor.fromMap(
                dataSources,
                one -> one instanceof TenantDataSource tenant ? health(tenant) : new DataSourceHealthIndicator(one));
    }

    private static HealthIndicator health(TenantDataSource tenant) {
        return () -> {
            tenant.admit();
            try (Connection connection = tenant.getConnection()) {
                return (connection.isValid(3) ? Health.up() : Health.down()).build();
            } catch (SQLException e) {
                return Health.down(e).build();
            } finally {
                tenant.withdraw();
            }
        };
    }

    private static <P extends HikariDataSource> P configure(
            P pool, String name, DatabaseLocation location, RoleLogins.Login login, int size) {
        fill(pool, name, source(location.url(), location.pooled(), login), size);
        pool.setMinimumIdle(1);
        return pool;
    }

    static AnalystPool analystPool(
            String name, String replicaUrl, DatabaseLocation location, RoleLogins.Login login, int size) {
        boolean replica = !replicaUrl.isBlank();
        String url = replica ? replicaUrl : location.url();
        if (replica) {
            DatabaseCheck.verifyUrl("postrider.database.replica-url", url);
        }
        PGSimpleDataSource source = source(url, true, login); // a replica may stand behind a pooler, too
        source.setSocketTimeout(600); // queries over much data take their time
        AnalystPool pool = new AnalystPool(replica ? DatabaseLocation.withoutSecrets(url) : "");
        fill(pool, name, source, size);
        pool.setMinimumIdle(0); // nothing waits on a server that nobody asks
        pool.setThreadFactory(work -> {
            Thread thread = new Thread(work, name);
            thread.setDaemon(true);
            // Not that of the first request that asks: the web server would take the pool's threads for leaks of its
            // own.
            thread.setContextClassLoader(DataSources.class.getClassLoader());
            return thread;
        });
        // Each statement in a read-only transaction, rolled back after it; a session setting would leak through a
        // pooler.
        pool.setReadOnly(true);
        pool.setAutoCommit(false);
        return pool;
    }

    private static void fill(HikariDataSource pool, String name, PGSimpleDataSource source, int size) {
        pool.setPoolName(name);
        pool.setDataSource(source);
        pool.setMaximumPoolSize(size);
        pool.setConnectionTimeout(3_000); // a provider or caller shall learn quickly that the database is down
        pool.setInitializationFailTimeout(-1);
    }

    private static PGSimpleDataSource source(String url, boolean pooled, RoleLogins.Login login) {
        PGSimpleDataSource source = new PGSimpleDataSource();
        source.setUrl(url);
        source.setUser(login.username());
        source.setPassword(login.password());
        source.setTcpKeepAlive(true);
        source.setConnectTimeout(5);
        source.setSocketTimeout(60);
        try {
            // The type of a text parameter is left to PostgreSQL: uuid, jsonb and timestamps need no casts.
            source.setProperty("stringtype", "unspecified");
            if (pooled) {
                source.setPrepareThreshold(0); // a transaction pooler may not know prepared statements
            }
        } catch (SQLException e) {
            throw new IllegalStateException("The PostgreSQL driver refuses its own settings", e);
        }
        return source;
    }
}

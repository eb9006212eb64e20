package dev.postrider.tenancy;

import dev.postrider.database.TenantDataSource;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.transaction.PlatformTransactionManager;

/** Gives routes the transaction policy {@code workspace}, and refusals their place. */
@Configuration(proxyBeanMethods = false)
public class TenancyConfiguration {

    @Bean
    WorkspaceTransactionPolicy workspace(
            @Qualifier("tenantTransactions") PlatformTransactionManager transactions, TenantDataSource tenant) {
        return new WorkspaceTransactionPolicy(transactions, tenant);
    }

    /** For what shall be seen, and stay, whatever becomes of the transaction that it is called in. */
    @Bean
    WorkspaceTransactionPolicy workspaceApart(
            @Qualifier("tenantTransactions") PlatformTransactionManager transactions, TenantDataSource tenant) {
        WorkspaceTransactionPolicy policy = new WorkspaceTransactionPolicy(transactions, tenant);
        policy.setPropagationBehaviorName("PROPAGATION_REQUIRES_NEW");
        return policy;
    }

    @Bean
    RefusedStep refusedStep() {
        return new RefusedStep();
    }
}

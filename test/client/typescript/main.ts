// Uses the generated client as somebody's program would: from a new project to a flag's answer and back to nothing.
// It prints one JSON line and ends with 0, or fails with an assertion.
import assert from 'node:assert/strict';
import createClient from 'openapi-fetch';
import type { components, paths } from './generated/api.js';

type Problem = components['schemas']['problem'];

const setting = (name: string): string => {
  const value = process.env[name];
  assert.ok(value, `${name} is not set`);
  return value;
};

const client = createClient<paths>({ baseUrl: setting('PENNON_URL'), headers: { Authorization: setting('PENNON_TOKEN') } });

// done is what an operation answered; a refusal fails with the server's message.
function done<T>(answer: { data?: T; error?: Problem; response: Response }): T {
  assert.ok(answer.response.ok, `${answer.response.url}: ${answer.response.status} ${answer.error?.message}`);
  return answer.data as T;
}

const projectId = 'ts-shop';
const environment = 'ts-staging';
const featureName = 'ts-checkout';
const at = { path: { projectId, featureName, environment } };

done(await client.POST('/api/admin/environments', { body: { name: environment, type: 'test' } }));
const project = done(await client.POST('/api/admin/projects', { body: { id: projectId, name: 'Shop', environments: [environment] } }));
assert.equal(project.id, projectId);

const feature = done(
  await client.POST('/api/admin/projects/{projectId}/features', {
    params: { path: { projectId } },
    body: { name: featureName, type: 'experiment', description: 'From TypeScript' },
  }),
);
assert.equal(feature.archived, false);

const strategy = done(
  await client.POST('/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/strategies', {
    params: at,
    body: {
      name: 'flexibleRollout',
      parameters: { rollout: '100', stickiness: 'userId', groupId: featureName },
      constraints: [{ contextName: 'userId', operator: 'IN', values: ['7'] }],
    },
  }),
);
assert.ok(strategy.id);
done(await client.POST('/api/admin/projects/{projectId}/features/{featureName}/environments/{environment}/on', { params: at }));

const isOnFor = async (userId: string): Promise<boolean | undefined> => {
  const answer = done(
    await client.POST('/api/admin/playground', { body: { environment, projects: [projectId], context: { appName: 'ts', userId } } }),
  );
  return answer.features.find((f) => f.name === featureName)?.isEnabled;
};
assert.equal(await isOnFor('7'), true);
assert.equal(await isOnFor('8'), false);

const found = done(await client.GET('/api/admin/search/features', { params: { query: { project: `IS:${projectId}`, limit: '10' } } }));
assert.deepEqual(found.features.map((f) => f.name), [featureName]);

// A refusal decodes into the error shape.
const again = await client.POST('/api/admin/projects/{projectId}/features', { params: { path: { projectId } }, body: { name: featureName } });
assert.equal(again.response.status, 409);
assert.equal(again.error?.name, 'NameExistsError');
const invalid = await client.POST('/api/admin/projects/{projectId}/features', { params: { path: { projectId } }, body: { name: 'not a name' } });
assert.equal(invalid.response.status, 400);
assert.ok(invalid.error?.details?.[0]?.message.includes('URL friendly'));

// Exported, deleted and imported it is what it was.
const document = done(await client.POST('/api/admin/features-batch/export', { body: { project: projectId } }));
assert.equal(document.features?.length, 1);
const remove = async (): Promise<void> => {
  done(await client.DELETE('/api/admin/projects/{projectId}/features/{featureName}', { params: { path: { projectId, featureName } } }));
  done(await client.DELETE('/api/admin/archive/{featureName}', { params: { path: { featureName } } }));
};
await remove();
assert.equal(await isOnFor('7'), undefined);
const verdict = done(await client.POST('/api/admin/features-batch/validate', { body: { data: document } }));
assert.deepEqual(verdict.errors, []);
done(await client.POST('/api/admin/features-batch/import', { body: { data: document } }));
assert.equal(await isOnFor('7'), true);

await remove();
done(await client.DELETE('/api/admin/projects/{projectId}', { params: { path: { projectId } } }));
done(await client.DELETE('/api/admin/environments/{name}', { params: { path: { name: environment } } }));
const gone = await client.GET('/api/admin/projects/{projectId}', { params: { path: { projectId } } });
assert.equal(gone.response.status, 404);
assert.ok(gone.error?.message);

console.log(JSON.stringify({ feature: feature.name, strategy: strategy.id }));

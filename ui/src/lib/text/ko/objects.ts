/** Networks, volumes, pods and secrets. */
export const objects: Readonly<Record<string, string>> = {
  "A container run with -v name:/path makes one.": "-v 이름:/경로 옵션으로 컨테이너를 실행하면 만들어집니다.",
  Anonymous: "익명",
  "Clean up volumes": "볼륨 정리",
  "Clean up…": "정리…",
  "Compose makes one for each project.": "Compose는 프로젝트마다 하나씩 만듭니다.",
  "Containers get them as files, and no image, log or command line holds them.":
    "컨테이너에는 파일로 전해지며, 이미지·로그·명령줄 어디에도 남지 않습니다.",
  "Containers lose their addresses on it. It stays while containers use it.":
    "컨테이너가 이 네트워크의 주소를 잃습니다. 쓰는 컨테이너가 있으면 지워지지 않습니다.",
  "Containers that run and the networks that join them. Those on one network reach each other by name; point at one to see whom it reaches.":
    "실행 중인 컨테이너와 이를 잇는 네트워크입니다. 같은 네트워크에서는 이름으로 서로 통합니다. 하나를 가리키면 닿는 상대가 보입니다.",
  "Copy to a new volume": "새 볼륨으로 복사",
  "Copy {name}": "{name} 복사",
  Driver: "드라이버",
  "Export to a file": "파일로 내보내기",
  "Give it new data": "새 데이터로 바꾸기",
  "Import from a file": "파일에서 가져오기",
  "Its files go into a new volume, without its labels and options. What containers write meanwhile may be in it by half.":
    "파일을 새 볼륨에 복사하며 레이블과 옵션은 옮기지 않습니다. 그사이 컨테이너가 쓰는 내용은 절반만 담길 수 있습니다.",
  "Its data is lost. Containers that have it as a file keep it.":
    "데이터가 사라집니다. 파일로 받은 컨테이너에는 남습니다.",
  "Measure sizes": "크기 재기",
  "On none of these networks": "이 네트워크 어디에도 없음",
  Place: "위치",
  Pods: "파드",
  "Reading: {count} so far": "읽는 중: 지금까지 {count}개",
  "Run a container in it": "안에서 컨테이너 실행",
  Secrets: "시크릿",
  State: "상태",
  Subnets: "서브넷",
  "The containers of a pod share their network and are started and stopped together.":
    "파드의 컨테이너는 네트워크를 함께 쓰고 같이 시작하고 멈춥니다.",
  "Volumes that no container uses. Their data is lost; what comes into use meanwhile stays.":
    "쓰는 컨테이너가 없는 볼륨입니다. 안의 데이터는 사라지며, 그사이 쓰이게 된 것은 남습니다.",
  "Way out": "외부 연결",
  "What is stored in it is lost. It stays while containers use it.":
    "안에 저장한 내용이 사라집니다. 쓰는 컨테이너가 있으면 지워지지 않습니다.",
  "Who reaches whom": "연결 그림",
  anonymous: "익명",
  "changed {span} ago": "{span} 전에 바뀜",
  empty: "비어 있음",
  "no way out": "외부 연결 없음",
  "reaches no other": "닿는 상대 없음",
  "reaches {names}": "{names}에 닿음",
  "{count} files and folders, {bytes}": "파일과 폴더 {count}개, {bytes}",
};
